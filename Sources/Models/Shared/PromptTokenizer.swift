internal import Diffusion
internal import Tokenizers

/// A tokenizer of a checkpoint, for prompts of one length.
struct PromptTokenizer {
    private let tokenizer: Tokenizer

    /// Reads a tokenizer.
    ///
    /// - Parameters:
    ///   - component: its name in `model_index.json`
    ///   - classes: the classes this build has for it
    ///   - checkpoint: the model
    /// - Throws: ``CheckpointError`` or ``TokenizerError``
    init(_ component: String, classes: [String], in checkpoint: CheckpointFolder) throws {
        let folder = try checkpoint.folder(component, classes: classes)
        tokenizer = try Tokenizer(folder: folder, className: checkpoint.components[component] ?? nil)
    }

    /// The length its model was made for, in tokens; nil if the files do not say.
    var modelMaxLength: Int? { tokenizer.modelMaxLength }

    /// Encodes texts, cut or padded to one length.
    ///
    /// - Parameters:
    ///   - texts: the texts
    ///   - length: in tokens
    /// - Returns: for each text its ids, and 1 for each of its own tokens, 0 for padding
    /// - Throws: ``TokenizerError``
    func callAsFunction(_ texts: [String], length: Int) throws -> (ids: [[Int32]], mask: [[Int32]]) {
        let encoded = try tokenizer.encode(texts, maxLength: length, padding: .maxLength, truncation: .maxLength)
        return (encoded.map(\.ids), encoded.map(\.attentionMask))
    }
}
