internal import DemoModels
internal import Diffusion
internal import Files
internal import Foundation
package import Hub
internal import Models

/// Where the model of a name lies.
package enum ModelLocation {
    /// The folder of a built-in model, a folder of that name, or the local copy of a model of the hub.
    ///
    /// - Parameters:
    ///   - name: `demo-image`, `demo-video`, a path, or a hub id such as `black-forest-labs/FLUX.1-schnell`
    ///   - revision: of the hub's model; nil for its main branch
    ///   - components: what is needed of the hub's model, first what has weights; nil for a pipeline that draws
    ///   - environment: environment variables; nil for the process's
    ///   - observe: told of what is downloaded, from several tasks at once
    /// - Returns: a path, which may not exist
    /// - Throws: ``HubError``, or `CancellationError`
    package static func path(
        of name: String, revision: String? = nil, needing components: [String]? = nil,
        _ environment: [String: String]? = nil,
        observe: @escaping @Sendable (DownloadProgress) -> Void = { _ in }
    ) async throws -> String {
        if let folder = DemoModels.folder(of: name) { return folder }
        if isLocal(name) { return name }
        guard let model = try? HubModel(name, revision: revision ?? HubModel.defaultRevision), name.contains("/") else {
            return name
        }
        let hub = Hub(try HubSettings(environment: environment ?? ProcessInfo.processInfo.environment))
        return try await hub.folder(
            of: model, needs: { component, _ in components?.contains(component) ?? !idle.contains(component) },
            folders: components.map { Array($0.prefix(1)) } ?? [], observe: observe)
    }

    /// A LoRA file or a folder with one, or the local copy of one of the hub.
    ///
    /// - Parameters:
    ///   - name: a path; a hub id; or a hub id with a file of its repository, `org/name/file.safetensors`
    ///   - environment: environment variables; nil for the process's
    ///   - observe: told of what is downloaded, from several tasks at once
    /// - Returns: a path, which may not exist
    /// - Throws: ``HubError``, or `CancellationError`
    package static func lora(
        of name: String, _ environment: [String: String]? = nil,
        observe: @escaping @Sendable (DownloadProgress) -> Void = { _ in }
    ) async throws -> String {
        let parts = name.pathNames
        let file = parts.count > 2 ? parts.dropFirst(2).joined(separator: "/") : nil
        // What ends like a file is one of this machine, or of a repository.
        let mayBeRemote = parts.count > 2 || parts.count == 2 && !name.hasSuffix(".safetensors")
        guard !FileManager.default.fileExists(atPath: name), mayBeRemote, file?.hasSuffix(".safetensors") != false,
            let model = try? HubModel(parts.prefix(2).joined(separator: "/"))
        else { return name }
        let hub = Hub(try HubSettings(environment: environment ?? ProcessInfo.processInfo.environment))
        return try await hub.lora(file, of: model, observe: observe)
    }

    /// What pipelines of diffusers carry for other purposes than drawing.
    private static let idle = ["safety_checker", "feature_extractor"]

    /// Whether a name is a built-in model's or a path's, for which no revision counts.
    ///
    /// - Parameter name: as the user gives it
    /// - Returns: false for what can only be a model of the hub
    package static func isLocal(_ name: String) -> Bool {
        DemoModels.folder(of: name) != nil || FileManager.default.fileExists(atPath: name)
    }
}

extension WorkerConfiguration {
    /// The same, with the local copies of what ``pipelineConfig`` names on the hub.
    ///
    /// - Parameters:
    ///   - environment: environment variables; nil for the process's
    ///   - observe: told of what is downloaded, from several tasks at once
    /// - Returns: a configuration whose settings name nothing but paths
    /// - Throws: ``HubError``, `CancellationError`, or any error of a bad checkpoint
    package func locatingSources(
        _ environment: [String: String]? = nil,
        observe: @escaping @Sendable (DownloadProgress) -> Void = { _ in }
    ) async throws -> WorkerConfiguration {
        if pipelineConfig.isEmpty { return self }
        let family = try Catalog.family(of: Catalog.checkpoint(at: model, allowingUnknown: allowsUnknown))
        var result = self
        for (key, source) in family.pipelineSources {
            guard let name = pipelineConfig[key]?.text else { continue }
            let path =
                switch source {
                case .components(let parts):
                    try await ModelLocation.path(of: name, needing: parts, environment, observe: observe)
                case .lora: try await ModelLocation.lora(of: name, environment, observe: observe)
                }
            result.pipelineConfig[key] = .text(path)
        }
        return result
    }
}
