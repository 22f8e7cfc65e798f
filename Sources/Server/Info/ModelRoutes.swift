internal import Files
internal import Foundation
internal import HTTPTypes
internal import Hummingbird

/// What the server tells of its model.
struct ModelRoutes: Sendable {
    private struct Model: Encodable {
        let id: String
        let object = "model"
        let created: Int
        let ownedBy = "visualgen"
    }

    private struct Models: Encodable {
        let object = "list"
        let data: [Model]
    }

    let core: ServerCore
    private let started = Int(Date().timeIntervalSince1970)

    init(core: ServerCore) { self.core = core }

    func add(to router: some RouterMethods<APIContext>) {
        router.get("/v1/models") { _, _ in try Response.json(Models(data: [model])) }
        // A hub id has a slash, which clients may or may not escape.
        router.get("/v1/models/**") { request, _ in
            let name = String(request.uri.path.dropFirst("/v1/models/".count))
            guard name == core.model.name || name.removingPercentEncoding == core.model.name else {
                throw APIError.invalid(
                    "there is no model \(name.quoted); there is \(core.model.name)", param: "model",
                    code: "model_not_found", status: .notFound)
            }
            return try Response.json(model)
        }
        let capabilities = EncodedCapabilities(core: core)
        router.get("/v1/capabilities") { _, _ in Response.json(encoded: try capabilities.json()) }
    }

    private var model: Model { Model(id: core.model.name, created: started) }
}
