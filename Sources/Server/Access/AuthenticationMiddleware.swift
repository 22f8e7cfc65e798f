internal import HTTPTypes
internal import Hummingbird

/// Finds out who asks; without a file of keys that is anyone.
struct AuthenticationMiddleware: RouterMiddleware {
    let keys: APIKeys?

    func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        guard let keys else { return try await next(request, context) }
        let words = (request.headers[.authorization] ?? "").split(separator: " ", maxSplits: 1)
        guard words.count == 2, words[0].lowercased() == "bearer" else {
            throw Self.error("an API key is needed: Authorization: Bearer KEY", code: "missing_api_key")
        }
        guard let principal = try keys.principal(of: String(words[1])) else {
            throw Self.error("the API key is not valid", code: "invalid_api_key")
        }
        var context = context
        context.principal = principal
        return try await next(request, context)
    }

    private static func error(_ message: String, code: String) -> APIError {
        APIError(.unauthorized, "invalid_request_error", code: code, message)
    }
}
