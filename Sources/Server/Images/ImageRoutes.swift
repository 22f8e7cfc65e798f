internal import Diffusion
internal import Files
internal import Foundation
internal import HTTPTypes
internal import Hummingbird

/// `/v1/images`.
struct ImageRoutes: Sendable {
    let core: ServerCore

    func add(to router: some RouterMethods<APIContext>) {
        router.post("/v1/images/generations") { try await make($0, $1, .generation) }
        router.post("/v1/images/edits") { try await make($0, $1, .edit) }
        router.get("/v1/images/{id}/content") { try await content($0, $1) }
        router.delete("/v1/images/{id}") { try await delete($0, $1) }
    }

    private func make(_ request: Request, _ context: APIContext, _ task: ImageTask) async throws -> Response {
        try context.principal.require(.images)
        var request = request
        let isAsync = request.prefersAsync
        let (job, life, asked) = try await accept(&request, context, task, isAsync: isAsync)
        if isAsync, !asked.isStream {
            var response = try await core.details(of: job, status: .accepted, warnings: asked.warnings)
            response.headers[HeaderNames.preferenceApplied] = "respond-async"
            response.headers[.location] = "/v1/jobs/\(job.id)"
            return response
        }
        if asked.isStream {
            let base = baseURL(request)
            return ImageStream(core: core, job: job, life: life, asked: asked, task: task)
                .response(to: context.channel) { try await answer($0, asked, base: base) }
        }
        let over = try await core.outcome(of: job, life, for: context.channel)
        var response = try Response.json(await answer(over, asked, base: baseURL(request)))
        response.headers[HeaderNames.serverTiming] = over.timings?.serverTiming
        return response
    }

    private func accept(
        _ request: inout Request, _ context: APIContext, _ task: ImageTask, isAsync: Bool
    ) async throws -> (Job, LiveJob?, ImageRequest) {
        let share = core.memory.share()
        defer { share.end() }
        let fields = try await request.readFields(core.limits, share, allowsForm: task == .edit)
        var asked = try await ClientConnection.of(context.channel).whileOpen {
            var fields = fields
            if task == .edit { try await fields.fetchImages(by: core, share) }
            return try await Blocking.run { [fields] in
                try ImageRequest(
                    fields, task: task, isAsync: isAsync, model: core.model, core.limits, context.principal, share)
            }
        }
        var work = JobWork(request: asked.generation, format: asked.format, quality: asked.quality)
        work.noteInputs()
        var new = NewJob(.image, owner: context.principal.owner, priority: asked.priority, work: work)
        new.inputs = asked.takeInputs()
        try new.readIdempotency(request)
        // An image's client waits on its connection: what it posts again, it no longer waits for elsewhere.
        new.isRepeated = false
        // A job with a name goes on without its client, after a restart too.
        if isAsync, !asked.isStream { new.idempotencyKey = new.idempotencyKey ?? Identifier.new("async") }
        let (job, life) = try await core.jobs.accept(new, seedIsDrawn: asked.seedIsDrawn)
        return (job, life, asked)
    }

    private func answer(_ job: Job, _ asked: ImageRequest, base: String) async throws -> ImagesResponse {
        let paths = (0..<job.work.request.outputCount).map { core.jobs.folder.output($0, of: job) }
        let prompt = job.work.request.prompts.first ?? ""
        let items: [ImagesResponse.Item] = try await Blocking.run {
            try paths.enumerated().map { index, path in
                switch asked.delivery {
                case .url:
                    .init(url: "\(base)/v1/images/\(job.id)/content?i=\(index)", revisedPrompt: prompt)
                case .base64:
                    .init(
                        b64Json: Base64Bytes(bytes: try InputFile(reading: path).readAll(limit: 1 << 30)),
                        revisedPrompt: prompt)
                }
            }
        }
        return ImagesResponse(
            job, model: core.model.name, items: items, inputs: asked.inputSizes, warnings: asked.warnings)
    }

    private func content(_ request: Request, _ context: APIContext) async throws -> Response {
        try context.principal.require(.images)
        let job = try await job(context)
        guard job.status == .completed else {
            throw APIError.invalid("image \(job.id) is \(job.status.rawValue)", code: "not_ready")
        }
        let text = request.uri.queryParameters["i"].map(String.init) ?? "0"
        guard let index = JSON.string(text).number.wholeNumber, (0..<job.work.request.outputCount).contains(index)
        else {
            throw APIError.invalid(
                "i is \(text.quoted); it must be from 0 to \(job.work.request.outputCount - 1)", param: "i")
        }
        let variant = request.uri.queryParameters["variant"].map(String.init) ?? "image"
        let file: FileResponse =
            switch variant {
            case "image":
                FileResponse(
                    path: core.jobs.folder.output(index, of: job), mediaType: "image/\(job.work.format)",
                    name: "\(job.id)-\(index).\(job.work.format)")
            case "thumbnail":
                FileResponse(
                    path: core.jobs.folder.thumbnail(index, of: job.id), mediaType: "image/jpeg",
                    name: "\(job.id)-\(index)-thumbnail.jpg")
            default:
                throw APIError.invalid("variant is \(variant.quoted); it must be image, thumbnail", param: "variant")
            }
        return try await file.response(to: request, context)
    }

    private func delete(_ request: Request, _ context: APIContext) async throws -> Response {
        try context.principal.require(.images)
        let job = try await job(context)
        guard try await core.jobs.delete(job.id, owner: job.owner) else { throw APIError.notFound("image", job.id) }
        return try Response.json(DeletedObject(id: job.id, object: "image.deleted"))
    }

    private func job(_ context: APIContext) async throws -> Job {
        let id = context.parameters.get("id") ?? ""
        guard let job = try await core.jobs.store.job(id, owner: context.principal.owner), job.kind == .image else {
            throw APIError.notFound("image", id)
        }
        return job
    }

    private func baseURL(_ request: Request) -> String {
        core.publicURL ?? "http://\(request.head.authority ?? "localhost")"
    }
}

/// Something that is no more.
struct DeletedObject: Encodable {
    let id: String
    let deleted = true
    let object: String
}

extension JobTimings {
    /// For browsers and TensorRT-LLM's benchmark: milliseconds.
    var serverTiming: String {
        [
            ("queue", queue), ("generation", generation), ("text", text), ("denoise", denoise), ("decode", decode),
            ("encode", encode), ("total", queue + generation + encode),
        ].map { "\($0.0);dur=\((1e4 * $0.1).rounded() / 10)" }.joined(separator: ", ")
    }
}
