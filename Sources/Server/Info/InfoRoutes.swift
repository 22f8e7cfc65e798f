internal import Engine
internal import HTTPTypes
internal import Hummingbird

/// What the server tells of itself to anyone.
struct InfoRoutes: Sendable {
    private struct Version: Encodable {
        let version: String
    }

    let core: ServerCore

    func add(to router: some RouterMethods<APIContext>) {
        router.get("/health") { _, _ in try await health() }
        router.get("/version") { _, _ in try Response.json(Version(version: ServerVersion.current)) }
        router.get("/openapi.json") { _, _ in try OpenAPI.document(core).response }
        PageRoutes().add(to: router)
    }

    /// 200 without a body as long as what is asked for can be accepted, kept and made.
    private func health() async throws -> Response {
        try core.jobs.requireStorage()
        try core.keys?.requireFile()
        guard await core.model.worker.isReady() else {
            throw APIError.unavailable("the worker is not ready", retryAfter: 2)
        }
        return Response(status: .ok)
    }
}

/// The version of this program.
package enum ServerVersion {
    package static let current = "0.1.0"
}
