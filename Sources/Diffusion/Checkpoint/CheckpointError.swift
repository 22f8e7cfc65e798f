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
    /// A folder with several files of which each is a whole model.
    case severalModels(String, found: [String])
    /// A model without a text encoder, where the user names none.
    case needsTextEncoder(String)
    /// What the user names as a text encoder's folder and is none.
    case noTextEncoder(at: String)
    /// What the user names as a latent upsampler and is none.
    case noUpsampler(at: String)
    /// A setting of the whole model that counts only with another.
    case needs(String, for: String)
    /// A setting of the whole model that must be a path.
    case noPath(String)
}

extension CheckpointError: CustomStringConvertible {
    package var blame: Blame {
        switch self {
        case .needsTextEncoder, .noTextEncoder, .noUpsampler, .needs, .noPath: .request
        default: .model
        }
    }

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
        case .severalModels(let path, let found):
            "\(path) holds several models, \(found.list(upTo: 6)); the path of one of these files must be given"
        case .needsTextEncoder(let path):
            "\(path) has no text encoder; pipeline_config.text_encoder_path must be the path of one"
        case .noTextEncoder(let path):
            "pipeline_config.text_encoder_path is \(path.shown), which is no folder with a config.json and a "
                + "tokenizer_config.json, nor with both in text_encoder and tokenizer"
        case .noUpsampler(let path):
            "pipeline_config.spatial_upsampler_path is \(path.shown), which is no latent upsampler that doubles height and "
                + "width, neither a folder nor a safetensors file"
        case .needs(let other, let key): "pipeline_config.\(key) counts only with pipeline_config.\(other)"
        case .noPath(let key): "pipeline_config.\(key) must be a path"
        case .noEmbeddedConfig(let path, let found):
            "\(path) is a single file and no whole model of a known kind: "
                + (found.isEmpty
                    ? "its metadata hold no config" : "its config holds \(found.quotedList)")
        }
    }
}
