internal import Files
internal import HTTPTypes
internal import Hummingbird

/// Refuses query parameters that a route does not know, on every route alike.
struct QueryMiddleware: RouterMiddleware {
    let routes: RouteTable

    func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        let known = routes.query(request.method, context.endpointPath ?? "")
        var seen: Set<Substring> = []
        for (name, _) in request.uri.queryParameters where !name.isEmpty {
            guard known.contains(String(name)) else {
                let others = known.isEmpty ? "this route has none" : "there are \(known.joined(separator: ", "))"
                throw APIError.invalid(
                    "unknown query parameter \(String(name).quoted): \(others)", param: String(name.prefix(120)),
                    code: "unknown_parameter")
            }
            guard seen.insert(name).inserted else {
                throw APIError.invalid("\(name) is given twice", param: String(name), code: "duplicate_parameter")
            }
        }
        return try await next(request, context)
    }
}
