internal import Engine
internal import HTTPTypes
internal import Hummingbird

/// What the server tells of itself to anyone.
struct InfoRoutes: Sendable {
    private struct Version: Encodable {
        let version: String
    }

    /// What `/health` has of each worker.
    private struct Health: Encodable {
        struct Worker: Encodable {
            let ready: Bool
            let restarts: Int
        }

        let workers: [Worker]
    }

    let core: ServerCore

    func add(to router: some RouterMethods<APIContext>) {
        router.get("/health") { _, _ in try await health() }
        router.get("/version") { _, _ in try Response.json(Version(version: ServerVersion.current)) }
        router.get("/openapi.json") { _, _ in try OpenAPI.document(core).response }
        PageRoutes().add(to: router)
    }

    /// 200 as long as what is asked for can be accepted, kept and made.
    private func health() async throws -> Response {
        try core.jobs.requireStorage()
        try core.keys?.requireFile()
        let workers = await core.model.workers.conditions()
        guard workers.contains(where: \.isReady) else {
            throw APIError.unavailable(
                workers.count == 1 ? "the worker is not ready" : "no worker is ready", retryAfter: 2)
        }
        return try Response.json(Health(workers: workers.map { .init(ready: $0.isReady, restarts: $0.restarts) }))
    }
}

/// The version of this program.
package enum ServerVersion {
    package static let current = "0.1.0"
}
