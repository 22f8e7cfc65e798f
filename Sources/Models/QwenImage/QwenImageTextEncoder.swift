internal import Diffusion
internal import Layers
internal import Tensors
internal import Tokenizers

/// Qwen-Image's text encoder: the last states of a language model that reads the prompt within a fixed template.
struct QwenImageTextEncoder {
    /// A batch of prompts as the denoiser takes them.
    struct Prompt {
        /// `[images, tokens, width]`, filled up with zeros.
        let states: Tensor
        /// What is added to the scores of the tokens, `[images, 1, 1, tokens]`; nil if all texts are of one length.
        let mask: Tensor?
    }

    private let prompts: PromptEncoder<Qwen25VLTextConfig, LanguageModel>
    private let plan: ComputePlan

    // Source: diffusers 0.42.1, pipelines/qwenimage/pipeline_qwenimage.py.
    private static let template = (
        before: "<|im_start|>system\nDescribe the image by detailing the color, shape, size, texture, quantity, text, "
            + "spatial relationships of the objects and background:<|im_end|>\n<|im_start|>user\n",
        after: "<|im_end|>\n<|im_start|>assistant\n"
    )
    /// The tokens of the template before the prompt, whose states are left out.
    private static let leftOut = 34
    /// The longest text besides those, in tokens.
    private static let longest = 1024

    /// Reads the tokenizer.
    ///
    /// - Throws: ``CheckpointError`` or ``TokenizerError``
    init(_ model: QwenImage, _ context: ComputeContext) throws {
        prompts = try PromptEncoder(
            model.parts.textEncoder, context, tokenizer: "tokenizer", class: "Qwen2Tokenizer", in: model.checkpoint)
        plan = context.plan
        try prompts.require(["<|im_start|>", "<|im_end|>"])
    }

    var encoder: Resident<Qwen25VLTextConfig, LanguageModel> { prompts.encoder }

    /// Encodes a request's prompts, one row for each image.
    ///
    /// - Throws: ``TokenizerError``, ``TensorError``, or ``ConfigError`` for a token that the model has no row for
    func encode(_ request: GenerationRequest, _ branch: Guidance.Branch, trace: Trace?) throws -> Prompt {
        let isPositive = branch == .positive
        let texts = (isPositive ? request.prompts : request.negativePrompts)
            .map { Self.template.before + $0 + Self.template.after }
        let (ids, mask) = try prompts.tokens(
            of: texts, length: Self.leftOut + Self.longest, padding: .longest, isPositive ? trace : nil)
        if isPositive { trace?.record("attention_mask.\(encoder.name)", ids: mask) }
        let model = try encoder()
        let states = try model(ids, mask: mask, states: [model.depth])[0].to(plan.dtype)
        var rows: [Tensor] = []
        for (index, mask) in mask.enumerated() {
            let start = (mask.firstIndex(of: 1) ?? 0) + Self.leftOut
            let end = (mask.lastIndex(of: 1) ?? -1) + 1
            guard start < end else { throw encoder.component.error(.unsupported("a tokenizer of so few tokens")) }
            let kept = min(end, start + (request.maxSequenceLength ?? Self.longest))
            rows.append(try states.slice(index..<index + 1, axis: 0).slice(start..<kept, axis: 1))
        }
        let prompt = try together(rows, times: request.numImagesPerPrompt, outputs: request.outputCount)
        let name = isPositive ? "prompt_embeds" : "negative_prompt_embeds"
        try trace?.record(name, prompt.states)
        if let mask = prompt.mask {
            try trace?.record("\(name)_mask", exp(mask.to(.float32)).reshaped(mask.size(0), mask.size(3)))
        }
        return prompt
    }

    /// Texts of different lengths as one batch.
    private func together(_ rows: [Tensor], times: Int, outputs: Int) throws(TensorError) -> Prompt {
        let length = rows.map { $0.size(1) }.max() ?? 0
        var (filled, masks): ([Tensor], [Float]) = ([], [])
        for row in rows {
            let missing = length - row.size(1)
            let zeros = try Tensor.full(0, [1, missing, row.size(2)], row.dtype, on: row.device)
            filled.append(missing == 0 ? row : try concatenate([row, zeros], axis: 1))
            masks += [Float](repeating: 0, count: row.size(1)) + [Float](repeating: -.infinity, count: missing)
        }
        func all(_ x: Tensor) throws(TensorError) -> Tensor { try x.repeated(times, axis: 0).spread(over: outputs) }
        let mask = try Tensor(masks, shape: [rows.count, 1, 1, length], on: plan.device).to(plan.dtype)
        return Prompt(
            states: try all(concatenate(filled, axis: 0)), mask: masks.allSatisfy { $0 == 0 } ? nil : try all(mask))
    }
}
