internal import Diffusion
internal import Engine
internal import Files
internal import HTTPTypes
internal import Hummingbird
internal import Media

/// `/v1/videos`: making them.
struct VideoRoutes: Sendable {
    let core: ServerCore

    func add(to router: some RouterMethods<APIContext>) {
        router.post("/v1/videos") { try await create($0, $1) }
        // `generations` is TensorRT-LLM's older name.
        for path in ["/v1/videos/sync", "/v1/videos/generations"] {
            router.post(RouterPath(path)) { try await createAndWait($0, $1) }
        }
        router.post("/v1/videos/{id}/remix") { try await remix($0, $1) }
        VideoLibraryRoutes(core: core).add(to: router)
    }

    private func create(_ request: Request, _ context: APIContext) async throws -> Response {
        let (job, life, asked, _) = try await accept(request, context)
        return try answer(job, life, asked.warnings)
    }

    private func createAndWait(_ request: Request, _ context: APIContext) async throws -> Response {
        let (job, life, _, request) = try await accept(request, context)
        let over = try await core.outcome(of: job, life, for: context.channel)
        var response = try await over.videoFile(in: core.jobs.folder).response(to: request, context)
        response.headers[HeaderNames.serverTiming] = over.timings?.serverTiming
        return response
    }

    /// The same video with another prompt.
    private func remix(_ request: Request, _ context: APIContext) async throws -> Response {
        try context.principal.require(.videos)
        var request = request
        let share = core.memory.share()
        defer { share.end() }
        var fields = try await request.readFields(core.limits, share)
        let source = try await core.video(context)
        let common = CommonFields(&fields, model: core.model, core.limits, context.principal)
        try fields.finish()
        var work = source.work
        let asked = common.generation
        work.request.prompts = asked.prompts
        if !asked.negativePrompts.isEmpty { work.request.negativePrompts = asked.negativePrompts }
        if !common.seedIsDrawn { work.request.seeds = asked.seeds }
        work.request.numInferenceSteps = asked.numInferenceSteps ?? work.request.numInferenceSteps
        work.request.guidanceScale = asked.guidanceScale ?? work.request.guidanceScale
        // Who made the first one may have had another guardrail, or none.
        work.request.extra[ParameterSpec.useGuardrails.name] = nil
        let admitted = try core.limits.admitted(work.outline, by: core.model)
        work.request = admitted.request
        var new = NewJob(.video, owner: context.principal.owner, priority: common.priority, work: work)
        new.remixedFrom = source.id
        for (index, name) in work.inputs.enumerated() {
            let bytes = try InputFile(reading: core.jobs.folder.input(index, of: source.id)).readAll(limit: 1 << 30)
            try share.grow(by: bytes.count)
            new.inputs.append(Upload(name: name, bytes: bytes))
        }
        try new.readIdempotency(request)
        let (job, life) = try await core.jobs.accept(new, seedIsDrawn: false)
        let notes = admitted.notes.map(\.description)
        return try answer(job, life, common.warnings + notes)
    }

    private func accept(_ request: Request, _ context: APIContext) async throws -> (
        Job, LiveJob?, VideoRequest, Request
    ) {
        try context.principal.require(.videos)
        var request = request
        let share = core.memory.share()
        defer { share.end() }
        let fields = try await request.readFields(core.limits, share)
        var asked = try await ClientConnection.of(context.channel).whileOpen {
            var fields = fields
            try await fields.fetchImages(by: core, share)
            return try await Blocking.run { [fields] in
                try VideoRequest(fields, model: core.model, core.limits, context.principal, share)
            }
        }
        var work = JobWork(request: asked.generation, format: asked.format.fileExtension ?? "mp4")
        work.noteInputs()
        var new = NewJob(.video, owner: context.principal.owner, priority: asked.priority, work: work)
        new.inputs = asked.takeInputs()
        try new.readIdempotency(request)
        let (job, life) = try await core.jobs.accept(new, seedIsDrawn: asked.seedIsDrawn)
        return (job, life, asked, request)
    }

    private func answer(_ job: Job, _ life: LiveJob?, _ warnings: [String]) throws -> Response {
        let video = VideoObject(job, life, model: core.model.name, warnings: warnings)
        var response = try Response.json(video, status: .accepted)
        response.headers[HeaderNames.pollAfter] = "1000"
        return response
    }
}

extension ServerCore {
    /// The video that a path names.
    ///
    /// - Parameter context: the request's
    /// - Returns: its job
    /// - Throws: ``APIError`` where there is none, or it is somebody else's
    func video(_ context: APIContext) async throws -> Job {
        let id = context.parameters.get("id") ?? ""
        guard let job = try await jobs.store.job(id, owner: context.principal.owner), job.kind == .video else {
            throw APIError.notFound("video", id)
        }
        return job
    }
}

extension Job {
    /// The finished video.
    func videoFile(in folder: JobFolder) -> FileResponse {
        let mediaType =
            switch work.format {
            case "webm": "video/webm"
            case "avi": "video/x-msvideo"
            case "gif": "image/gif"
            case "webp": "image/webp"
            default: "video/mp4"
            }
        return FileResponse(path: folder.output(0, of: self), mediaType: mediaType, name: "\(id).\(work.format)")
    }
}
