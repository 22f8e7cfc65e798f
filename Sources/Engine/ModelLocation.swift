internal import DemoModels
internal import Foundation
package import Hub

/// Where the model of a name lies.
package enum ModelLocation {
    /// The folder of a built-in model, a folder of that name, or the local copy of a model of the hub.
    ///
    /// - Parameters:
    ///   - name: `demo-image`, `demo-video`, a path, or a hub id such as `black-forest-labs/FLUX.1-schnell`
    ///   - revision: of the hub's model; nil for its main branch
    ///   - observe: told of what is downloaded, from several tasks at once
    /// - Returns: a path, which may not exist
    /// - Throws: ``HubError``, or `CancellationError`
    package static func path(
        of name: String, revision: String? = nil, observe: @escaping @Sendable (DownloadProgress) -> Void = { _ in }
    ) async throws -> String {
        if let folder = DemoModels.folder(of: name) { return folder }
        if isLocal(name) { return name }
        guard let model = try? HubModel(name, revision: revision ?? HubModel.defaultRevision), name.contains("/") else {
            return name
        }
        let hub = Hub(try HubSettings(environment: ProcessInfo.processInfo.environment))
        // What pipelines of diffusers carry for other purposes than drawing.
        return try await hub.folder(
            of: model, needs: { component, _ in !["safety_checker", "feature_extractor"].contains(component) },
            observe: observe)
    }

    /// Whether a name is a built-in model's or a path's, for which no revision counts.
    ///
    /// - Parameter name: as the user gives it
    /// - Returns: false for what can only be a model of the hub
    package static func isLocal(_ name: String) -> Bool {
        DemoModels.folder(of: name) != nil || FileManager.default.fileExists(atPath: name)
    }
}
