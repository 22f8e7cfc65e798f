package import Files

/// Why a folder is not a checkpoint that can be run.
package enum CheckpointError: BlamedError, Equatable {
    case notFound(String)
    case notFolder(String)
    case noIndex(String, found: [String])
    case missingComponent(String, in: String)
    case componentClass(String, found: String, expected: [String])
    case pipelineClass(String, known: [String])
    /// A pipeline's class that reminds of a family, which runs others.
    case pipelineVariant(String, family: String, runs: [String])
    /// A family that was recognised by a pipeline's class or by a file.
    case familyNotInBuild(String, found: String)
    /// A safetensors file whose metadata do not describe a whole model, with the keys of its config.
    case noEmbeddedConfig(String, found: [String])
}

extension CheckpointError: CustomStringConvertible {
    package var blame: Blame { .model }

    package var description: String {
        switch self {
        case .notFound(let path): "there is no model at \(path)"
        case .notFolder(let path): "\(path) is a file; a model is a folder with a model_index.json"
        case .noIndex(let path, let found):
            "\(path) has no model_index.json"
                + (found.isEmpty ? "; it is empty" : "; it holds \(found.list(upTo: 6))")
        case .missingComponent(let component, let path): "\(path) lacks the component \(component)"
        case .componentClass(let component, let found, let expected):
            "the component \(component) is of class \(found.shown); this build has \(expected.joined(separator: ", "))"
        case .pipelineClass(let found, let known):
            "the pipeline class \(found.shown) is not in this build, which has \(known.joined(separator: ", "))"
        case .pipelineVariant(let found, let family, let runs):
            "the pipeline class \(found.shown) is a variant of \(family) that is not in this build, "
                + "which runs \(runs.joined(separator: ", "))"
        case .familyNotInBuild(let family, let found):
            "\(family) is not in this build (recognised by \(found.cut(toBytes: 1024)))"
        case .noEmbeddedConfig(let path, let found):
            "\(path) is a single file and no whole model of a known kind: "
                + (found.isEmpty
                    ? "its metadata hold no config" : "its config holds \(found.quotedList)")
        }
    }
}
