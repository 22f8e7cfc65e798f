internal import Files
internal import HTTPTypes
internal import Hummingbird

/// Keeps pages of other sites that the user's browser shows away from a server without keys.
///
/// A browser tells in `Origin` which site a page is from, and in `Host` under which name it found the server: a name of
/// somebody else's that leads to this machine is refused too.
struct OriginMiddleware: RouterMiddleware {
    /// The names that the server goes by; nil lets every name pass.
    let hosts: Set<String>?

    func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        let host = request.head.authority ?? ""
        if let hosts, !hosts.contains(Self.name(of: host[...])) {
            throw Self.error("the server does not go by the name \(host.quoted)")
        }
        if let origin = request.headers[.origin], origin != "http://\(host)", origin != "https://\(host)" {
            throw Self.error("pages of \(origin.quoted) may not use this server")
        }
        return try await next(request, context)
    }

    /// A host without its port.
    private static func name(of host: Substring) -> String {
        if host.hasPrefix("["), let end = host.firstIndex(of: "]") { return host[...end].lowercased() }
        return (host.lastIndex(of: ":").map { host[..<$0] } ?? host).lowercased()
    }

    private static func error(_ message: String) -> APIError {
        APIError(.forbidden, "permission_error", code: "wrong_origin", message)
    }
}
