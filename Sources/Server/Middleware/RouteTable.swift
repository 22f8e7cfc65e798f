internal import Files
internal import HTTPTypes

/// The routes there are, and those that only OpenAI has, for the errors of all others.
struct RouteTable: Sendable {
    /// One route.
    struct Route: Sendable, Equatable {
        let method: HTTPRequest.Method
        /// With `{id}` and the like where a name goes.
        let path: String
        /// What it does, in one line.
        let summary: String
        /// The query parameters that it knows.
        var query: [String] = []
    }

    static let standard = RouteTable(routes: [
        Route(method: .post, path: "/v1/images/generations", summary: "Makes images."),
        Route(method: .post, path: "/v1/images/edits", summary: "Changes images."),
        Route(
            method: .get, path: "/v1/images/{id}/content", summary: "A finished image, or a small one of it.",
            query: ["i", "variant"]),
        Route(method: .delete, path: "/v1/images/{id}", summary: "Removes images."),
        Route(method: .post, path: "/v1/videos", summary: "Asks for a video."),
        Route(
            method: .get, path: "/v1/videos", summary: "The videos that were asked for.",
            query: ["after", "limit", "order"]),
        Route(method: .post, path: "/v1/videos/sync", summary: "Makes a video and answers with it."),
        Route(method: .post, path: "/v1/videos/generations", summary: "The older name of /v1/videos/sync."),
        Route(method: .get, path: "/v1/videos/{id}", summary: "How far a video is."),
        Route(method: .delete, path: "/v1/videos/{id}", summary: "Removes a video; one that is being made ends."),
        Route(
            method: .get, path: "/v1/videos/{id}/content", summary: "A finished video, or a small image of it.",
            query: ["variant"]),
        Route(method: .post, path: "/v1/videos/{id}/remix", summary: "The same video with another prompt."),
        Route(
            method: .get, path: "/v1/jobs", summary: "Images and videos that were asked for, the newest first.",
            query: ["after", "limit", "order"]),
        Route(method: .get, path: "/v1/jobs/{id}", summary: "A job in full: its settings, and how long it took."),
        Route(method: .get, path: "/v1/jobs/{id}/inputs/{index}", summary: "An image that a job was asked for with."),
        Route(method: .get, path: "/v1/jobs/{id}/preview", summary: "What a job looks like so far."),
        Route(method: .delete, path: "/v1/jobs/{id}", summary: "Removes a job; one that waits or runs ends."),
        Route(method: .get, path: "/v1/models", summary: "The model."),
        Route(method: .get, path: "/v1/models/{id}", summary: "The model."),
        Route(method: .get, path: "/v1/capabilities", summary: "What the model makes, and within which limits."),
        Route(method: .get, path: "/health", summary: "Whether the model can serve now."),
        Route(method: .get, path: "/version", summary: "The server's version."),
        Route(method: .get, path: "/metrics", summary: "Figures for Prometheus, or as TensorRT-LLM has them."),
        Route(method: .get, path: "/openapi.json", summary: "This description."),
    ])

    /// How OpenAI's other routes begin.
    private static let notOffered = [
        "/v1/chat", "/v1/completions", "/v1/responses", "/v1/embeddings", "/v1/audio", "/v1/files", "/v1/uploads",
        "/v1/fine_tuning", "/v1/batches", "/v1/moderations", "/v1/assistants", "/v1/threads", "/v1/vector_stores",
        "/v1/realtime", "/v1/evals", "/v1/containers", "/v1/conversations", "/v1/images/variations",
        "/v1/videos/edits", "/v1/videos/extensions", "/v1/videos/characters", "/v1/organization",
    ]

    let routes: [Route]

    /// The query parameters that a route knows.
    ///
    /// - Parameters:
    ///   - method: the request's; HEAD is as GET
    ///   - path: the route's, with `{id}`
    /// - Returns: none for a route that is not in the table, such as the page's files
    func query(_ method: HTTPRequest.Method, _ path: String) -> [String] {
        routes.first { $0.method == (method == .head ? .get : method) && $0.path == path }?.query ?? []
    }

    /// What a client is told that asks for a route there is not.
    ///
    /// - Parameters:
    ///   - method: the request's
    ///   - path: the request's
    /// - Returns: the error
    func error(_ method: HTTPRequest.Method, _ path: String) -> APIError {
        if Self.notOffered.contains(where: { path == $0 || path.hasPrefix($0 + "/") }) {
            return .invalid(
                "this server does not offer \(path.quoted): it makes images and videos", code: "not_offered",
                status: .notFound)
        }
        let methods = methods(for: path)
        guard !methods.isEmpty else {
            return .invalid("there is no route \(path.quoted)", code: "unknown_url", status: .notFound)
        }
        return .invalid(
            "\(method.rawValue) is not for \(path.quoted); \(methods.joined(separator: ", ")) is",
            code: "method_not_allowed", status: .methodNotAllowed)
    }

    /// The methods that there are for a path.
    ///
    /// - Parameter path: the request's
    /// - Returns: their names, none for a path that there is not
    func methods(for path: String) -> [String] {
        // The page's files are no part of the description.
        if PageRoutes.paths.contains(path) { return ["GET", "HEAD"] }
        let words = path.split(separator: "/", omittingEmptySubsequences: true)
        let matching = routes.filter { Self.matches($0.path, words) }
        // As the router has it: a word of a route's own goes before a name.
        let names = matching.map { Self.names(in: $0.path) }
        let methods = zip(matching, names).filter { $0.1 == names.min() }.map(\.0.method.rawValue)
        return methods + (methods.contains("GET") ? ["HEAD"] : [])
    }

    private static func names(in path: String) -> Int { path.utf8.count { $0 == UInt8(ascii: "{") } }

    private static func matches(_ path: String, _ words: [Substring]) -> Bool {
        let parts = path.split(separator: "/")
        return parts.count == words.count && zip(parts, words).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
    }
}
