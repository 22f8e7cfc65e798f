internal import Layers
package import Tensors

extension Cosmos3 {
    /// What generated tokens attend to of a prompt, by layer.
    package typealias TextKeys = [LayerKeys]

    /// Of one layer.
    package struct LayerKeys {
        /// Normed and turned, `[batch, tokens, keyValueHeads, headDim]`.
        package var keys: Tensor
        /// `[batch, tokens, keyValueHeads · headDim]`.
        package var values: Tensor
    }

    /// The tower that reads prompts: of its causal attention only keys and values go on to the other tower.
    ///
    /// Neither noise level nor generated tokens enter it: a prompt passes once.
    struct TextTower {
        private let embedding: Embedding
        private let layers: BlockStore<TextLayer>
        private let positions: Positions
        private let plan: ComputePlan

        /// - Parameters:
        ///   - weights: the view of the transformer
        ///   - config: its `config.json`
        /// - Throws: ``WeightError`` or ``TensorError``
        init(_ weights: Weights, _ config: TransformerConfig) throws {
            embedding = try Embedding(
                weights["embed_tokens"], count: config.vocabSize, width: config.hiddenSize)
            layers = try BlockStore(config.numHiddenLayers, of: weights, runsOnce: true) { index in
                try TextLayer(weights["layers"][index], config, isLast: index == config.numHiddenLayers - 1)
            }
            // What the last layer's states would be for.
            for part in ["norm", "lm_head"] { weights.disregard(part: part) }
            plan = weights.plan
            positions = Positions(config, on: plan.device)
        }

        /// - Parameter ids: of one prompt, at least one
        /// - Returns: by layer, of a batch of one
        func callAsFunction(_ ids: [Int32]) throws(TensorError) -> TextKeys {
            let rotary = try positions.text(ids.count)
            let mask = try LanguageModelMask([], tokens: ids.count)(window: nil, plan.dtype, on: plan.device)
            var states = try embedding(Tensor(ids, shape: [1, ids.count], on: plan.device)).to(.float32)
            return try (0..<layers.count).map { index throws(TensorError) in
                try layers[index](&states, rotary, mask: mask)
            }
        }
    }

    /// One layer of the tower that reads prompts.
    private struct TextLayer {
        private let norm: LanguageModelNorm
        private let key, value: Linear
        private let keyNorm, generationKeyNorm: LanguageModelNorm?
        /// What makes the next layer's states; nil in the last layer.
        private let rest: Rest?
        private let headDim: Int

        init(_ weights: Weights, _ config: TransformerConfig, isLast: Bool) throws {
            let attention = weights["self_attn"]
            let views = ["to_q", "to_k", "to_v"].map { attention[$0] }
            func projection(_ number: Int) throws -> Linear {
                try Linear(
                    views[number], from: config.hiddenSize, to: config.keyWidth, bias: config.attentionBias,
                    cut: .output(), sharing: Array(views.dropFirst(isLast ? 1 : 0)))
            }
            func norm(_ weights: Weights, _ size: Int) throws -> LanguageModelNorm {
                try LanguageModelNorm(weights, size: size, epsilon: config.rmsNormEps)
            }
            self.norm = try norm(weights["input_layernorm"], config.hiddenSize)
            (key, value) = (try projection(1), try projection(2))
            keyNorm = config.qkNormForText ? try norm(attention["norm_k"], config.headDim) : nil
            generationKeyNorm =
                config.useUndKNormForGen && !config.qkNormForText
                ? try norm(attention["k_norm_und_for_gen"], config.headDim) : nil
            headDim = config.headDim
            rest = isLast ? nil : try Rest(weights, config, query: views[0], sharing: views)
            guard isLast else { return }
            for part in ["to_q", "to_out", "norm_q"] { attention.disregard(part: part) }
            for part in ["mlp", "post_attention_layernorm"] { weights.disregard(part: part) }
        }

        /// - Parameters:
        ///   - states: `[1, tokens, width]`, in 32-bit floats; the next layer's when it returns
        ///   - rotary: the tables of the tokens
        ///   - mask: `[1, 1, tokens, tokens]`
        func callAsFunction(_ states: inout Tensor, _ rotary: RotaryEmbedding, mask: Tensor) throws(TensorError)
            -> LayerKeys
        {
            let x = LinearInput(try norm(states))
            let (key, value) = (try key(x), try value(x))
            func turned(_ norm: LanguageModelNorm?) throws(TensorError) -> Tensor {
                try rotary.heads(of: key, headDim, after: norm)
            }
            let own = try turned(keyNorm)
            let kept = LayerKeys(keys: try generationKeyNorm == nil ? own : turned(generationKeyNorm), values: value)
            if let rest { states = try rest(states, x, keys: own, values: value, rotary, mask: mask) }
            return kept
        }
    }

    /// What makes a layer's states of its keys and values.
    private struct Rest {
        private let query, out: Linear
        private let queryNorm: LanguageModelNorm?
        private let feedForwardNorm: LanguageModelNorm
        private let feedForward: FeedForward
        private let attention: Attention

        init(_ weights: Weights, _ config: TransformerConfig, query: Weights, sharing views: [Weights]) throws {
            let own = weights["self_attn"]
            self.query = try Linear(
                query, from: config.hiddenSize, to: config.queryWidth, bias: config.attentionBias, cut: .output(),
                sharing: views)
            out = try Linear(
                own["to_out"], from: config.queryWidth, to: config.hiddenSize, bias: config.attentionBias,
                cut: .input())
            queryNorm =
                config.qkNormForText
                ? try LanguageModelNorm(own["norm_q"], size: config.headDim, epsilon: config.rmsNormEps) : nil
            feedForwardNorm = try LanguageModelNorm(
                weights["post_attention_layernorm"], size: config.hiddenSize, epsilon: config.rmsNormEps)
            feedForward = try FeedForward(weights["mlp"], config)
            attention = Attention(
                own, .selfAttention, heads: config.numAttentionHeads, keyValueHeads: config.numKeyValueHeads,
                headWidth: config.headDim)
        }

        func callAsFunction(
            _ states: Tensor, _ x: LinearInput, keys: Tensor, values: Tensor, _ rotary: RotaryEmbedding, mask: Tensor
        ) throws(TensorError) -> Tensor {
            let queries = try rotary.heads(of: query(x), attention.site.headWidth, after: queryNorm)
            let states = try states + out(attention(queries, keys, values, mask: mask))
            return try states + feedForward(LinearInput(feedForwardNorm(states)))
        }
    }
}

extension RotaryEmbedding {
    /// The heads of tokens, normed and turned by their position.
    ///
    /// - Parameters:
    ///   - x: `[batch, tokens, heads · headWidth]`
    ///   - headWidth: numbers of a head
    ///   - norm: of each head; nil for none
    /// - Returns: `[batch, tokens, heads, headWidth]`, of the type of `x`
    func heads(of x: Tensor, _ headWidth: Int, after norm: LanguageModelNorm?) throws(TensorError) -> Tensor {
        let heads = try x.reshaped(x.size(0), x.size(1), -1, headWidth)
        guard let norm else { return try appliedToHalves(of: heads).to(x.dtype) }
        return try norm.turned(heads, self)
    }
}
