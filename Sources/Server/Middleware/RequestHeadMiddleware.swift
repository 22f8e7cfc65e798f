internal import Files
internal import HTTPTypes
internal import Hummingbird

/// Refuses header lines that can be read in two ways: another program on the way may have read them otherwise.
struct RequestHeadMiddleware: RouterMiddleware {
    func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        // The first one stands apart from the fields.
        if request.headers[HeaderNames.host] != nil { throw APIError.malformed("there are two Host lines") }
        if let host = request.head.authority, !host.isEmpty, HostName(host) == nil {
            throw APIError.malformed("Host is \(host.quoted), which is no name or address with a port")
        }
        if let encoding = request.headers[.transferEncoding], encoding.lowercased() != "chunked" {
            throw APIError.malformed("Transfer-Encoding is \(encoding.quoted); it must be chunked")
        }
        return try await next(request, context)
    }
}
