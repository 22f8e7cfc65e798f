internal import Diffusion
package import Layers
internal import Tokenizers

/// The config of a model that looks tokens up in a table.
package protocol VocabularyConfig: ModelConfig {
    /// Rows of the table.
    var vocabSize: Int { get }
}

extension CLIPTextConfig: VocabularyConfig {}
extension T5Config: VocabularyConfig {}

/// A text encoder, and the tokenizer that its prompts pass first.
struct PromptEncoder<Config: VocabularyConfig, Encoder> {
    let encoder: Resident<Config, Encoder>
    let tokenizer: Tokenizer
    private let tokenizerName: String

    /// Reads the tokenizer.
    ///
    /// - Parameters:
    ///   - component: the encoder
    ///   - context: what it computes with
    ///   - tokenizer: the tokenizer's name in `model_index.json`
    ///   - name: its class, which may be the fast one
    ///   - checkpoint: the model
    /// - Throws: ``CheckpointError`` or ``TokenizerError``
    init(
        _ component: Component<Config, Encoder>, _ context: ComputeContext, tokenizer: String, class name: String,
        in checkpoint: CheckpointFolder
    ) throws {
        let folder = try checkpoint.folder(tokenizer, classes: [name, "\(name)Fast"])
        self.tokenizer = try Tokenizer(folder: folder, className: checkpoint.components[tokenizer] ?? nil)
        (encoder, tokenizerName) = (Resident(component, context), tokenizer)
    }

    /// The length that the tokenizer's files name, in tokens; nil if they do not say.
    var modelMaxLength: Int? { tokenizer.modelMaxLength }

    /// Checks that texts are one token each.
    ///
    /// - Parameter tokens: such as `<|im_start|>`
    /// - Throws: ``TokenizerError/lacksTokens(_:in:)``
    func require(_ tokens: [String]) throws { try tokenizer.require(tokens, in: tokenizerName) }

    /// Makes tokens of texts, cut or padded to one length.
    ///
    /// - Parameters:
    ///   - texts: the texts
    ///   - length: in tokens
    ///   - padding: whether short texts are filled up to this length, or to that of the longest
    ///   - side: where they are filled up; nil follows the tokenizer's files
    ///   - addSpecialTokens: whether the tokens that begin and end a sequence are added
    ///   - trace: where the ids are recorded, or nil
    /// - Returns: for each text its ids, and 1 for each of its own tokens, 0 for padding
    /// - Throws: ``TokenizerError``, or ``ConfigError`` for a token that the encoder has no row for
    func tokens(
        of texts: [String], length: Int, padding: Tokenizer.Padding = .maxLength, side: Tokenizer.Side? = nil,
        addSpecialTokens: Bool = true, _ trace: Trace?
    ) throws -> (ids: [[Int32]], mask: [[Int32]]) {
        let encoded = try tokenizer.encode(
            texts, maxLength: length, padding: padding, on: side, truncation: .maxLength,
            addSpecialTokens: addSpecialTokens)
        let (ids, component) = (encoded.map(\.ids), encoder.component)
        let (rows, greatest) = (component.config.vocabSize, Int(ids.joined().max() ?? 0))
        guard greatest < rows else {
            throw component.error(.misfit("vocab_size", rows, to: "a token of \(tokenizerName)", greatest))
        }
        trace?.record("input_ids.\(encoder.name)", ids: ids)
        return (ids, encoded.map(\.attentionMask))
    }
}
