internal import Foundation
internal import Layers

/// A text encoder and its tokenizer in a folder besides the checkpoint: each in a folder of its own there, as in Diffusers
/// layout, or both in one, as transformers saves them.
struct TextEncoderFolder {
    /// Each component's folder and class, by name.
    let components: [String: (folder: String, className: String)]

    /// - Parameter path: the folder
    /// - Throws: ``CheckpointError`` or ``ConfigError``
    init(_ path: String) throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
            throw CheckpointError.noTextEncoder(at: path)
        }
        let own = (encoder: "\(path)/text_encoder", tokenizer: "\(path)/tokenizer")
        let isWhole = Self.isBeside(path)
        guard isWhole || Self.has(path, "config.json") && Self.has(path, "tokenizer_config.json") else {
            throw CheckpointError.noTextEncoder(at: path)
        }
        let (encoder, tokenizer) = isWhole ? own : (path, path)
        components = [
            "text_encoder": (encoder, try Self.text("architectures", in: "\(encoder)/config.json")),
            "tokenizer": (tokenizer, try Self.text("tokenizer_class", in: "\(tokenizer)/tokenizer_config.json")),
        ]
    }

    /// Whether both lie in folders of their own in a folder.
    static func isBeside(_ folder: String) -> Bool {
        has("\(folder)/text_encoder", "config.json") && has("\(folder)/tokenizer", "tokenizer_config.json")
    }

    private static func has(_ folder: String, _ name: String) -> Bool {
        FileManager.default.fileExists(atPath: "\(folder)/\(name)")
    }

    /// A text, or the first of several.
    private static func text(_ key: String, in file: String) throws(ConfigError) -> String {
        let value = try JSONFile.object(at: file)[key].flatMap(ParameterValue.init(json:))
        guard let text = value?.items.first?.text else {
            throw ConfigError(file: file, fault: .value(key, found: "nothing"))
        }
        return text
    }
}

extension CheckpointFolder {
    /// The key under which the user names another text encoder.
    package static let textEncoderKey = "text_encoder_path"

    /// The checkpoint with the text encoder and the tokenizer that the user names in place of its own, or with those that
    /// lie beside a model that is one file.
    ///
    /// - Returns: a checkpoint that has both
    /// - Throws: ``CheckpointError`` or ``ConfigError``
    package func takingTextEncoder() throws -> CheckpointFolder {
        if let named = try pipelinePath(Self.textEncoderKey) { return try taking(TextEncoderFolder(named)) }
        if has("text_encoder") { return self }
        let folder = (path as NSString).deletingLastPathComponent
        let beside = folder.isEmpty ? "." : folder
        guard isFile, TextEncoderFolder.isBeside(beside) else { throw CheckpointError.needsTextEncoder(path) }
        return try taking(TextEncoderFolder(beside))
    }

    private func taking(_ encoder: TextEncoderFolder) -> CheckpointFolder {
        var result = self
        for (name, component) in encoder.components {
            result.place(name, at: .folder(component.folder), class: component.className)
        }
        return result
    }
}
