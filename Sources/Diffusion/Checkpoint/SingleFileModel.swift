package import Files
package import Layers

/// A model that is one safetensors file, told as a checkpoint in Diffusers layout.
package struct SingleFileModel: Sendable {
    /// The file.
    package let path: String
    /// The class of a pipeline that runs it.
    package let pipelineClass: String
    /// Its components; others may lie elsewhere.
    package let parts: [SingleFilePart]

    package init(_ path: String, pipelineClass: String, parts: [SingleFilePart]) {
        (self.path, self.pipelineClass, self.parts) = (path, pipelineClass, parts)
    }
}

/// How the models of a family lie in one file each.
package protocol SingleFileLayout: Sendable {
    /// Tells such a file's components.
    ///
    /// - Parameters:
    ///   - file: the file
    ///   - config: what the metadata of its header have under `config`
    ///   - allowingUnknown: whether keys of the config and tensors that this build does not know are skipped instead of
    ///     refused
    /// - Returns: the model
    /// - Throws: ``ConfigError`` or ``WeightError``
    static func model(_ file: SafetensorsFile, config: [String: Any], allowingUnknown: Bool) throws -> SingleFileModel
}

/// What a tensor of a whole model's file is.
package enum SingleFileTensor: Equatable {
    /// A component's, under a key.
    case part(String, key: String)
    /// Of no use, and known to be there.
    case idle
    case unknown
}

extension SafetensorsFile {
    /// The names of every component's tensors, by key.
    ///
    /// - Parameters:
    ///   - allowingUnknown: whether other tensors are skipped instead of refused
    ///   - tell: what the tensor of a name is
    /// - Returns: names by component and key
    /// - Throws: ``WeightError/unread(_:in:)``
    package func names(
        allowingUnknown: Bool, _ tell: (String) -> SingleFileTensor
    ) throws(WeightError) -> [String: [ExactText: String]] {
        var names: [String: [ExactText: String]] = [:]
        var unknown: [String] = []
        for entry in entries {
            switch tell(entry.name) {
            case .part(let component, let key) where names[component]?[ExactText(key)] == nil:
                names[component, default: [:]][ExactText(key)] = entry.name
            case .idle: break
            case .part, .unknown: unknown.append(entry.name)
            }
        }
        guard unknown.isEmpty || allowingUnknown else { throw .unread(unknown.sorted(), in: path) }
        return names
    }
}
