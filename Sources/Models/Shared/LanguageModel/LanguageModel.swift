package import Layers
package import Tensors

/// A decoder-only language model, as an encoder of texts: its states, not what it would say next.
///
/// One for all of them: what differs stands in ``LanguageModelLayout``. It stops at the last layer that is asked for,
/// and does not read the weights of later ones.
// Source: huggingface/transformers 5.23.0, models/mistral/modeling_mistral.py, models/qwen2_5_vl/modeling_qwen2_5_vl.py,
// models/qwen3/modeling_qwen3.py, models/gemma3/modeling_gemma3.py.
package struct LanguageModel {
    /// How many layers were read.
    package let depth: Int
    private let embedding: Embedding
    private let blocks: BlockStore<LanguageModelBlock>
    /// Nil unless the last layer was read.
    private let finalNorm: LanguageModelNorm?
    private let layout: LanguageModelLayout
    private let plan: ComputePlan

    /// The type of weights and activations.
    var dtype: DType { plan.dtype }

    /// Parts of the greater model that tell the next token.
    package static let heads = ["lm_head", "language_model.lm_head"]
    /// Parts of the greater model that look at images.
    package static let towers = [
        "vision_tower", "model.vision_tower", "multi_modal_projector", "model.multi_modal_projector", "visual",
        "model.visual",
    ]

    /// Reads the model.
    ///
    /// - Parameters:
    ///   - weights: the view of the component
    ///   - config: its `config.json`
    ///   - depth: how many of its layers are needed; nil for all
    ///   - parts: of the greater model, which nobody reads
    /// - Throws: ``WeightError`` or ``TensorError``
    package init<Config: LanguageModelConfig>(
        _ weights: Weights, _ config: Config, depth: Int? = nil,
        leavingOut parts: [String] = LanguageModel.heads + LanguageModel.towers
    ) throws {
        let layout = config.layout
        let count = layout.layers.count
        let depth = min(max(depth ?? count, 0), count)
        let model = weights.first(of: Config.places, having: "embed_tokens.weight")
        for part in parts { weights.disregard(part: part) }
        embedding = try Embedding(model["embed_tokens"], count: layout.vocabSize, width: layout.width)
        blocks = try BlockStore(depth, of: model) { try LanguageModelBlock(model["layers"][$0], layout) }
        for index in depth..<count { model["layers"].disregard(part: "\(index)") }
        if depth == count {
            finalNorm = try LanguageModelNorm(model["norm"], size: layout.width, layout)
        } else {
            finalNorm = nil
            model.disregard("norm.weight")
        }
        (self.layout, self.depth, plan) = (layout, depth, weights.plan)
    }

    /// The states of texts.
    ///
    /// - Parameters:
    ///   - ids: one row a text, all of one length
    ///   - mask: for each token 1, for padding 0; nil if there is no padding
    ///   - states: which ones: 0 is what enters the first layer, the greatest is the last layer's after the final norm;
    ///     none beyond ``depth``
    /// - Returns: the states in that order, each `[batch, tokens, width]` in 32-bit floats
    package func callAsFunction(_ ids: [[Int32]], mask: [[Int32]]? = nil, states: [Int]) throws(TensorError) -> [Tensor]
    {
        try callAsFunction(embedded(ids), mask: mask, states: states)
    }

    /// What enters the first layer, `[batch, tokens, width]` in 32-bit floats.
    ///
    /// - Parameter ids: one row a text, all of one length
    /// - Returns: the table's rows
    package func embedded(_ ids: [[Int32]]) throws(TensorError) -> Tensor {
        let indices = try Tensor(ids.flatMap { $0 }, shape: [ids.count, ids.first?.count ?? 0], on: plan.device)
        return try embedding(indices).to(.float32) * layout.embeddingScale
    }

    /// The states of texts, in which some tokens may be something else, as parts of an image.
    ///
    /// - Parameters:
    ///   - embedded: what enters the first layer, `[batch, tokens, width]`
    ///   - mask: for each token 1, for padding 0; nil if there is no padding
    ///   - positions: of each token its position, or time, row and column; nil counts from 0, padding included
    ///   - states: which ones, as for ids
    /// - Returns: the states in that order, each `[batch, tokens, width]` in 32-bit floats
    package func callAsFunction(
        _ embedded: Tensor, mask: [[Int32]]? = nil, positions: [[Int]]? = nil, states: [Int]
    ) throws(TensorError) -> [Tensor] {
        precondition(states.allSatisfy { 0...depth ~= $0 }, "states \(states) of \(depth) layers")
        let last = states.max() ?? 0
        let surroundings = try surroundings(embedded.size(1), mask, positions, upTo: last)
        var current = try embedded.to(.float32)
        var kept: [Int: Tensor] = [0: current]
        for index in 0..<last {
            let (rotary, mask) = surroundings[index]
            current = try blocks[index](current, rotary, mask: mask)
            if index + 1 == layout.layers.count, let finalNorm { current = try finalNorm.wide(current) }
            if states.contains(index + 1) { kept[index + 1] = current }
        }
        return states.compactMap { kept[$0] }
    }

    /// The tables and masks of the first layers; layers of one kind share theirs.
    private func surroundings(
        _ tokens: Int, _ mask: [[Int32]]?, _ positions: [[Int]]?, upTo depth: Int
    ) throws(TensorError) -> [(RotaryEmbedding, Tensor)] {
        let positions = positions ?? (0..<tokens).map { [$0] }
        let maskOf = LanguageModelMask(mask ?? [], tokens: tokens)
        var tables: [LanguageModelRotary: RotaryEmbedding] = [:]
        var masks: [Int?: Tensor] = [:]
        var result: [(RotaryEmbedding, Tensor)] = []
        for layer in layout.layers.prefix(depth) {
            let window = layer.window.flatMap { $0 < tokens ? $0 : nil }
            if tables[layer.rotary] == nil {
                tables[layer.rotary] = try layer.rotary.tables(positions, on: plan.device)
            }
            if masks[window] == nil { masks[window] = try maskOf(window: window, plan.dtype, on: plan.device) }
            if let table = tables[layer.rotary], let mask = masks[window] { result.append((table, mask)) }
        }
        return result
    }
}
