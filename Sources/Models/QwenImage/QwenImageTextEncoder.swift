internal import Diffusion
internal import Layers
internal import Tensors
internal import Tokenizers

/// Qwen-Image's text encoder: the last states of a language model that reads the prompt within a fixed template, after
/// the images that are to be changed.
struct QwenImageTextEncoder: ImageTextEncoder {
    /// A batch of prompts as the denoiser takes them.
    struct Prompt {
        /// `[images, tokens, width]`, filled up with zeros.
        let states: Tensor
        /// What is added to the scores of the tokens, `[images, 1, 1, tokens]`; nil if all texts are of one length.
        let mask: Tensor?
    }

    private let prompts: PromptEncoder<Qwen25VLTextConfig, Qwen25VLModel>
    private let parts: QwenImage.Parts
    private let template: QwenImageTemplate
    private let context: ComputeContext
    private var plan: ComputePlan { context.plan }
    /// The longest text besides the template's beginning and the images, in tokens.
    private static let longest = 1024

    /// Reads the tokenizer.
    ///
    /// - Throws: ``CheckpointError``, ``TokenizerError`` or ``ConfigError``
    init(_ model: QwenImage, _ context: ComputeContext) throws {
        (parts, self.context) = (model.parts, context)
        template = QwenImageTemplate(parts.sight?.style)
        guard let sight = parts.sight else {
            prompts = try PromptEncoder(
                parts.textEncoder, context, tokenizer: "tokenizer", class: "Qwen2Tokenizer", in: model.checkpoint)
            try prompts.require(QwenImageTemplate.tokens)
            return
        }
        let isNewer = model.checkpoint.components["processor"] == "Qwen2_5_VLProcessor"
        prompts = try PromptEncoder(
            parts.textEncoder, context, tokenizer: "processor",
            class: isNewer ? "Qwen2_5_VLProcessor" : "Qwen2VLProcessor", in: model.checkpoint)
        try prompts.require(QwenImageTemplate.tokens + QwenImageTemplate.imageTokens)
        let token = prompts.tokenizer.id(of: QwenImageTemplate.placeholder) ?? -1
        guard token == sight.imageToken else {
            throw parts.textEncoder.error(
                .misfit(
                    "image_token_id", Int(sight.imageToken), to: "\(QwenImageTemplate.placeholder) of processor",
                    Int(token)))
        }
    }

    var encoders: [any ResidentComponent] { [encoder] }
    private var encoder: Resident<Qwen25VLTextConfig, Qwen25VLModel> { prompts.encoder }

    /// Encodes the prompts of each branch; all of them see the same images.
    ///
    /// - Throws: also ``InvalidRequest`` for a text beside images that is too long
    func encode(_ request: GenerationRequest, _ branches: [Guidance.Branch], _ trace: Trace?) throws -> [Prompt] {
        let seen = try look(at: request, trace)
        return try branches.map { try encode(request, $0, seen, trace) }
    }

    /// Shows the vision tower a request's images, one after the other.
    ///
    /// - Returns: what it sees of each, `[1, tokens, width]`
    private func look(at request: GenerationRequest, _ trace: Trace?) throws -> [Tensor] {
        guard let sight = parts.sight, let tower = try encoder().vision else { return [] }
        var (seen, patches, grids): ([Tensor], [Tensor], [[Int32]]) = ([], [], [])
        for (image, size) in zip(request.images, QwenImage.ReferenceSize.all(of: request)) {
            try context.checkCancellationAlone()
            guard let visionSize = parts.visionSize(size) else { continue }
            let pixels = image.pixels.resized(
                width: size.textEncoder.width, height: size.textEncoder.height, filter: .lanczos)
            let cut = try sight.processor(pixels, visionSize)
            seen.append(try tower(cut.values, cut.grid))
            if trace != nil { patches.append(cut.values) }
            grids.append([1, Int32(cut.grid.rows), Int32(cut.grid.columns)])
        }
        if !patches.isEmpty { try trace?.record("pixel_values", concatenate(patches, axis: 0)) }
        trace?.record("image_grid_thw", ids: grids)
        return seen
    }

    private func encode(
        _ request: GenerationRequest, _ branch: Guidance.Branch, _ seen: [Tensor], _ trace: Trace?
    ) throws -> Prompt {
        let isPositive = branch == .positive
        let tokens = seen.map { $0.size(1) }
        let texts = (isPositive ? request.prompts : request.negativePrompts)
            .map { template.text($0, images: tokens) }
        let longest = request.maxSequenceLength ?? Self.longest
        // A text beside images is never cut.
        let length = template.leftOut + (parts.sight == nil ? Self.longest : longest + 1) + tokens.reduce(0, +)
        let (ids, mask) = try prompts.tokens(
            of: texts, length: length, padding: .longest, isPositive ? trace : nil)
        if parts.sight != nil, ids.contains(where: { $0.count == length }) {
            let field = isPositive ? "prompt" : "negative_prompt"
            throw InvalidRequest([
                .value(field, found: "over \(longest) tokens long", expected: "no longer than max_sequence_length")
            ])
        }
        if isPositive { trace?.record("attention_mask.\(encoder.name)", ids: mask) }
        let states = try states(ids, mask, seen).to(plan.dtype)
        var rows: [Tensor] = []
        for (index, mask) in mask.enumerated() {
            let start = (mask.firstIndex(of: 1) ?? 0) + template.leftOut
            let end = (mask.lastIndex(of: 1) ?? -1) + 1
            guard start < end else { throw encoder.component.error(.unsupported("a tokenizer of so few tokens")) }
            let kept = parts.sight == nil ? min(end, start + longest) : end
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

    /// The last states of texts, or of one text with images in it.
    ///
    /// The places of tokens count on in one dimension, as the reference's version of transformers has it when a pipeline
    /// calls; images in three dimensions, as the weights were trained, would need positions of time, row and column.
    private func states(_ ids: [[Int32]], _ mask: [[Int32]], _ seen: [Tensor]) throws -> Tensor {
        let model = try encoder()
        let last = [model.language.depth]
        guard let token = parts.sight?.imageToken else {
            return try model.language(ids, mask: mask, states: last)[0]
        }
        let places = ids.joined().count { $0 == token }
        guard ids.count == 1, places == seen.reduce(0, { $0 + $1.size(1) }) else {
            throw encoder.component.error(.unsupported("a tokenizer that makes \(places) tokens of the images"))
        }
        return try model.language(model.embedded(ids[0], replacing: token, by: seen), states: last)[0]
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
