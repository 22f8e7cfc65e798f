internal import Files
internal import HTTPTypes
internal import Hummingbird
internal import Media
internal import NIOCore

/// `/v1/jobs/{id}`: one job in full, and the images that it was asked for with.
extension JobRoutes {
    func addDetails(to router: some RouterMethods<APIContext>) {
        router.get("/v1/jobs/{id}") { _, context in
            try await core.details(of: job(context))
        }
        router.get("/v1/jobs/{id}/inputs/{index}") { _, context in try await input(context) }
    }

    private func input(_ context: APIContext) async throws -> Response {
        let job = try await job(context)
        let text = context.parameters.get("index") ?? ""
        guard let index = Int(text), job.work.inputs.indices.contains(index) else {
            throw APIError.notFound("input", text)
        }
        let path = core.jobs.folder.input(index, of: job.id)
        let bytes = try await Blocking.run { try? InputFile(reading: path).readAll(limit: 1 << 30) }
        guard let bytes, let format = DecodableFormat(signature: bytes) else { throw APIError.notFound("input", text) }
        var response = Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
        response.headers[.contentType] = "image/\(format.rawValue.lowercased())"
        response.headers[.cacheControl] = "private, no-cache"
        response.headers[HeaderNames.contentTypeOptions] = "nosniff"
        return response
    }
}

extension ServerCore {
    /// A job in full.
    ///
    /// - Parameters:
    ///   - job: the job
    ///   - status: 200, or 202 for one that was just accepted
    ///   - warnings: what was accepted and changes nothing
    /// - Returns: the response
    /// - Throws: an error of the store
    func details(
        of job: Job, status: HTTPResponse.Status = .ok, warnings: [String] = []
    ) async throws -> Response {
        var job = job
        let life = job.isOver ? nil : await jobs.life(of: job.id)
        // It may have come to its end between the two.
        if !job.isOver, life == nil { job = try await jobs.store.job(job.id, owner: job.owner) ?? job }
        let position = await queue.positions[job.id]
        var response = try Response.json(
            JobDetails(job, life, position: position, model: model.name, warnings: warnings), status: status)
        if !job.isOver { response.headers[HeaderNames.pollAfter] = "1000" }
        return response
    }
}
