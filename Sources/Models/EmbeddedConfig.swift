internal import Foundation
internal import Layers

/// The config in the metadata of a safetensors file that holds a whole model.
struct EmbeddedConfig {
    /// The file.
    let path: String
    /// The config's keys; none if the file has no config.
    let keys: Set<String>

    private static let metadataKey = "config"
    private static let suffix = ".safetensors"

    /// Looks for such a file where no `model_index.json` is; nil if the path is neither a safetensors file nor a folder
    /// with one that has a config.
    ///
    /// - Parameter path: a file or folder
    /// - Throws: ``SafetensorsError`` if the path itself is a damaged safetensors file
    init?(at path: String) throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return nil }
        guard isFolder.boolValue else {
            guard path.hasSuffix(Self.suffix) else { return nil }
            try self.init(file: path)
            return
        }
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
        if names.contains("model_index.json") { return nil }
        for name in names where name.hasSuffix(Self.suffix) {
            if let found = try? EmbeddedConfig(file: "\(path)/\(name)"), !found.keys.isEmpty {
                self = found
                return
            }
        }
        return nil
    }

    private init(file path: String) throws {
        let text = try SafetensorsFile(path: path).metadata[Self.metadataKey] ?? ""
        let config = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
        self.path = path
        keys = Set((config ?? [:]).keys)
    }
}
