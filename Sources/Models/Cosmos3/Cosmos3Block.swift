internal import Layers
internal import Tensors

extension Cosmos3 {
    /// One layer of the tower that generates: attention to the prompt and to each other, and feed-forward.
    struct Block {
        private let attention: GenerationAttention
        private let attentionNorm, feedForwardNorm: LanguageModelNorm
        private let feedForward: FeedForward

        /// - Parameters:
        ///   - weights: the view of the layer
        ///   - config: the transformer's `config.json`
        /// - Throws: ``WeightError`` or ``TensorError``
        init(_ weights: Weights, _ config: TransformerConfig) throws {
            func norm(_ name: String) throws -> LanguageModelNorm {
                try LanguageModelNorm(weights[name], size: config.hiddenSize, epsilon: config.rmsNormEps)
            }
            attention = try GenerationAttention(weights["self_attn"], config)
            attentionNorm = try norm("input_layernorm_moe_gen")
            feedForwardNorm = try norm("post_attention_layernorm_moe_gen")
            feedForward = try FeedForward(weights["mlp_moe_gen"], config)
        }

        /// - Parameters:
        ///   - x: `[batch, tokens, width]`, in 32-bit floats
        ///   - text: the layer's keys and values of the prompts
        ///   - rotary: the tables of the tokens
        ///   - mask: `[batch, 1, 1, textTokens + tokens]`; nil hides nothing
        /// - Returns: `[batch, tokens, width]`, in 32-bit floats
        func callAsFunction(_ x: Tensor, _ text: LayerKeys, _ rotary: RotaryEmbedding, mask: Tensor?)
            throws(TensorError) -> Tensor
        {
            let x = try x + attention(LinearInput(attentionNorm(x)), text, rotary, mask: mask)
            return try x + feedForward(LinearInput(feedForwardNorm(x)))
        }
    }

    /// Attention of generated tokens to the prompt's and to each other.
    struct GenerationAttention {
        private let query, key, value, out: Linear
        private let queryNorm, keyNorm: LanguageModelNorm
        private let attention: Attention

        init(_ weights: Weights, _ config: TransformerConfig) throws {
            let views = ["add_q_proj", "add_k_proj", "add_v_proj"].map { weights[$0] }
            func projection(_ number: Int, _ width: Int) throws -> Linear {
                try Linear(
                    views[number], from: config.hiddenSize, to: width, bias: config.attentionBias, cut: .output(),
                    sharing: views)
            }
            query = try projection(0, config.queryWidth)
            (key, value) = (try projection(1, config.keyWidth), try projection(2, config.keyWidth))
            out = try Linear(
                weights["to_add_out"], from: config.queryWidth, to: config.hiddenSize, bias: config.attentionBias,
                cut: .input())
            func norm(_ name: String) throws -> LanguageModelNorm {
                try LanguageModelNorm(weights[name], size: config.headDim, epsilon: config.rmsNormEps)
            }
            (queryNorm, keyNorm) = (try norm("norm_added_q"), try norm("norm_added_k"))
            attention = Attention(
                weights, .joint, heads: config.numAttentionHeads, keyValueHeads: config.numKeyValueHeads,
                headWidth: config.headDim)
        }

        /// - Parameters: as of ``Block``
        func callAsFunction(_ x: LinearInput, _ text: LayerKeys, _ rotary: RotaryEmbedding, mask: Tensor?)
            throws(TensorError) -> Tensor
        {
            func turned(_ x: Tensor, _ norm: LanguageModelNorm) throws(TensorError) -> Tensor {
                try rotary.heads(of: x, attention.site.headWidth, after: norm)
            }
            let parts = AttentionProjections.Parts { () throws(TensorError) in
                try turned(query(x), queryNorm)
            } key: { () throws(TensorError) in
                try concatenate([text.keys, turned(key(x), keyNorm)], axis: 1)
            } value: { () throws(TensorError) in
                try value(x, .behind(text.values))
            }
            guard let mask else { return try out(attention(parts, queries: .image)) }
            return try out(
                attention(
                    parts.query(), parts.key(), parts.value(), mask: mask, textTokens: text.values.size(1),
                    queries: .image))
        }
    }

    /// down(silu(gate(x)) · up(x)).
    struct FeedForward {
        private let gate, up, down: Linear

        init(_ weights: Weights, _ config: TransformerConfig) throws {
            let (width, inner) = (config.hiddenSize, config.intermediateSize)
            let views = ["gate_proj", "up_proj"].map { weights[$0] }
            func entering(_ view: Weights) throws -> Linear {
                try Linear(view, from: width, to: inner, bias: false, cut: .output(), sharing: views)
            }
            (gate, up) = (try entering(views[0]), try entering(views[1]))
            down = try Linear(weights["down_proj"], from: inner, to: width, bias: false, cut: .input())
        }

        /// - Parameter x: `[batch, tokens, width]`
        /// - Returns: `[batch, tokens, width]`
        func callAsFunction(_ x: LinearInput) throws(TensorError) -> Tensor {
            try down(LinearInput(gate: gate(x), up(x)))
        }
    }
}
