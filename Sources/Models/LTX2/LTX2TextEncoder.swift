internal import Diffusion
internal import Foundation
internal import Layers
internal import Tensors
internal import Tokenizers

/// LTX-2's text encoder, a Gemma 3, of which every layer's states count.
struct LTX2TextEncoder {
    let gemma: PromptEncoder<Gemma3TextConfig, LanguageModel>
    private let context: ComputeContext

    init(_ model: LTX2, _ context: ComputeContext) throws {
        self.context = context
        gemma = try PromptEncoder(
            model.parts.textEncoder, context, tokenizer: "tokenizer", class: "GemmaTokenizer", in: model.checkpoint)
    }

    /// The states of each prompt's own tokens: the embeddings, then those behind each layer, each `[1, tokens, width]` in
    /// 32-bit floats.
    ///
    /// - Throws: ``TokenizerError``, ``TensorError``, or ``ConfigError`` for a token that the encoder has no row for
    func encode(_ request: GenerationRequest, _ branch: Guidance.Branch, _ trace: Trace?) throws -> [[Tensor]] {
        let isPositive = branch == .positive
        let texts = (isPositive ? request.prompts : request.negativePrompts)
            .map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
        let length = request.maxSequenceLength ?? 1
        let (ids, mask) = try gemma.tokens(of: texts, length: length, side: .left, isPositive ? trace : nil)
        if isPositive { trace?.record("attention_mask.\(gemma.encoder.name)", ids: mask) }
        let model = try gemma.encoder()
        return try zip(ids, mask).map { ids, mask in
            try context.checkCancellationAlone()
            // Padding is hidden from the other tokens, and its own states are not read.
            let own = zip(ids, mask).filter { $0.1 == 1 }.map(\.0)
            return try model([own], states: Array(0...model.depth))
        }
    }
}
