internal import Files
internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore

/// `/v1/videos`: those that were asked for.
struct VideoLibraryRoutes: Sendable {
    let core: ServerCore

    func add(to router: some RouterMethods<APIContext>) {
        router.get("/v1/videos") { try await list($0, $1) }
        router.get("/v1/videos/{id}") { _, context in try await retrieve(context) }
        router.delete("/v1/videos/{id}") { _, context in try await delete(context) }
        router.get("/v1/videos/{id}/content") { try await content($0, $1) }
    }

    private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        try context.principal.require(.videos)
        var page = JobStore.Page()
        (page.owner, page.kind) = (context.principal.owner, .video)
        try page.read(request.uri)
        guard let (jobs, hasMore) = try await core.jobs.store.jobs(page) else {
            throw APIError.invalid("after is \((page.after ?? "").quoted), which is no video", param: "after")
        }
        var videos: [VideoObject] = []
        for job in jobs {
            let life = job.isOver ? nil : await core.jobs.life(of: job.id)
            videos.append(VideoObject(job, life, model: core.model.name))
        }
        return try Response.json(VideoList(videos, hasMore: hasMore))
    }

    private func retrieve(_ context: APIContext) async throws -> Response {
        try context.principal.require(.videos)
        var job = try await core.video(context)
        let life = job.isOver ? nil : await core.jobs.life(of: job.id)
        // It may have come to its end between the two.
        if !job.isOver, life == nil { job = try await core.video(context) }
        var response = try Response.json(VideoObject(job, life, model: core.model.name))
        if !job.isOver { response.headers[HeaderNames.pollAfter] = "1000" }
        return response
    }

    private func delete(_ context: APIContext) async throws -> Response {
        try context.principal.require(.videos)
        let job = try await core.video(context)
        guard try await core.jobs.delete(job.id, owner: job.owner) else { throw APIError.notFound("video", job.id) }
        return try Response.json(DeletedObject(id: job.id, object: "video.deleted"))
    }

    private func content(_ request: Request, _ context: APIContext) async throws -> Response {
        try context.principal.require(.videos)
        let job = try await core.video(context)
        guard job.status == .completed else {
            throw APIError.invalid("video \(job.id) is not ready (status: \(job.status.rawValue))", code: "not_ready")
        }
        let variant = request.uri.queryParameters["variant"].map(String.init) ?? "video"
        let folder = core.jobs.folder.folder(of: job.id)
        let file: FileResponse =
            switch variant {
            case "video": job.videoFile(in: core.jobs.folder)
            case "thumbnail":
                FileResponse(path: "\(folder)/thumbnail.webp", mediaType: "image/webp", name: "\(job.id).webp")
            case "spritesheet":
                FileResponse(path: "\(folder)/spritesheet.jpg", mediaType: "image/jpeg", name: "\(job.id).jpg")
            default:
                throw APIError.invalid(
                    "variant is \(variant.quoted); it must be video, thumbnail, spritesheet", param: "variant")
            }
        return try await file.response(to: request, context)
    }
}

extension JobStore.Page {
    /// Takes over what a query says.
    ///
    /// - Parameter uri: the request's
    mutating func read(_ uri: URI) throws(APIError) {
        for (name, value) in uri.queryParameters {
            switch name {
            case "after": after = String(value)
            case "limit":
                guard let number = JSON.string(String(value)).number.wholeNumber, (1...100).contains(number) else {
                    throw .invalid("limit is \(String(value).quoted); it must be from 1 to 100", param: "limit")
                }
                limit = number
            case "order":
                guard value == "asc" || value == "desc" else {
                    throw .invalid("order is \(String(value).quoted); it must be asc, desc", param: "order")
                }
                isAscending = value == "asc"
            default: break
            }
        }
    }
}
