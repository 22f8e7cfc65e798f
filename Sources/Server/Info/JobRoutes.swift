internal import Diffusion
internal import Files
internal import HTTPTypes
internal import Hummingbird
internal import Media
internal import NIOCore

/// `/v1/jobs`: images and videos together, for the page and whoever wants to see the queue.
struct JobRoutes: Sendable {
    private struct JobObject: Encodable {
        let id, kind, status, stage: String
        let progress: Int
        /// Its place among all that wait; 1 is next.
        let position: Int?
        let createdAt: Int
        let completedAt: Int?
        let prompt: String?
        let size, format: String
        let count: Int
        let seed: UInt64?
        let hasPreview: Bool
        let error: VideoObject.Failure?
    }

    private struct JobList: Encodable {
        let object = "list"
        let data: [JobObject]
        let hasMore: Bool
    }

    let core: ServerCore

    func add(to router: some RouterMethods<APIContext>) {
        router.get("/v1/jobs") { try await list($0, $1) }
        addDetails(to: router)
        router.get("/v1/jobs/{id}/preview") { _, context in try await preview(context) }
        router.delete("/v1/jobs/{id}") { _, context in
            let job = try await job(context)
            _ = try await core.jobs.delete(job.id, owner: job.owner)
            return try Response.json(DeletedObject(id: job.id, object: "job.deleted"))
        }
    }

    private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        var page = JobStore.Page()
        page.owner = context.principal.owner
        try page.read(request.uri)
        guard let (jobs, hasMore) = try await core.jobs.store.jobs(page) else {
            throw APIError.invalid("after is \((page.after ?? "").quoted), which is no job", param: "after")
        }
        // Working out the order takes time that grows with those who wait.
        let positions = jobs.allSatisfy(\.isOver) ? [:] : await core.queue.positions
        var objects: [JobObject] = []
        for job in jobs {
            let life = job.isOver ? nil : await core.jobs.life(of: job.id)
            let video = VideoObject(job, life, model: core.model.name)
            objects.append(
                JobObject(
                    id: job.id, kind: job.kind.rawValue, status: video.status, stage: life?.stage.rawValue ?? "",
                    progress: video.progress, position: positions[job.id], createdAt: video.createdAt,
                    completedAt: video.completedAt, prompt: video.prompt, size: video.size, format: job.format,
                    count: job.count, seed: video.seed, hasPreview: life?.preview != nil,
                    error: video.error))
        }
        return try Response.json(JobList(data: objects, hasMore: hasMore))
    }

    private func preview(_ context: APIContext) async throws -> Response {
        let job = try await job(context)
        guard let pixels = await core.jobs.life(of: job.id)?.preview else {
            throw APIError.notFound("preview of", job.id)
        }
        let bytes = try await Blocking.run { try pixels.image(0).encoded(.webp(quality: 80)) }
        var response = Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
        response.headers[.contentType] = "image/webp"
        response.headers[.cacheControl] = "no-store"
        return response
    }

    func job(_ context: APIContext) async throws -> Job {
        let id = context.parameters.get("id") ?? ""
        guard let job = try await core.jobs.store.job(id, owner: context.principal.owner) else {
            throw APIError.notFound("job", id)
        }
        try context.principal.require(job.kind == .image ? .images : .videos)
        return job
    }
}
