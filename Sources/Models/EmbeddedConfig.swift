internal import Foundation
internal import Layers

/// A safetensors file that may hold a whole model, as the config in its metadata tells.
struct EmbeddedConfig {
    let file: SafetensorsFile
    /// The config; empty if the file has none.
    let config: [String: Any]

    var path: String { file.path }
    var keys: Set<String> { Set(config.keys) }

    private static let metadataKey = "config"
    private static let suffix = ".safetensors"

    private init(_ file: SafetensorsFile) {
        let text = file.metadata[Self.metadataKey] ?? ""
        self.file = file
        config = (try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]) ?? [:]
    }

    /// The safetensors file at a path, or those in a folder without `model_index.json` that have a config.
    ///
    /// - Parameter path: a file or folder
    /// - Returns: none if there is no such file
    /// - Throws: ``SafetensorsError`` if the path itself is a damaged safetensors file
    static func all(at path: String) throws -> [EmbeddedConfig] {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return [] }
        guard isFolder.boolValue else {
            return path.hasSuffix(suffix) ? [EmbeddedConfig(try SafetensorsFile(path: path))] : []
        }
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
        if names.contains("model_index.json") { return [] }
        return names.filter { $0.hasSuffix(suffix) }
            .compactMap { try? EmbeddedConfig(SafetensorsFile(path: "\(path)/\($0)")) }
            .filter { !$0.config.isEmpty }
    }
}
