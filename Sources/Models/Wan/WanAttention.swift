internal import Layers
internal import Tensors

extension Wan {
    /// Attention of the video's tokens to each other.
    struct SelfAttention {
        private let projections: AttentionProjections
        private let out: Linear
        private let attention: Attention

        init(_ weights: Weights, _ config: TransformerConfig) throws {
            let width = config.width
            projections = try AttentionProjections(weights, width: width, norming: .allHeads, epsilon: config.eps)
            out = try Linear(weights["to_out"][0], from: width, to: width, cut: .input())
            attention = Attention(
                weights, .selfAttention, heads: config.numAttentionHeads, headWidth: config.attentionHeadDim)
        }

        /// - Parameters:
        ///   - x: `[batch, tokens, width]`
        ///   - rotary: the tables of the tokens
        /// - Returns: `[batch, tokens, width]`
        func callAsFunction(_ x: LinearInput, _ rotary: RotaryEmbedding) throws(TensorError) -> Tensor {
            try out(attention(projections.parts(x, rotary)))
        }
    }

    /// Attention of the video's tokens to the prompt's, and to the image's with keys and values of their own.
    struct CrossAttention {
        /// What can be attended to: the prompt's tokens, and the image's if there are any; each
        /// `[batch, tokens, width]`.
        typealias Sources = [(keys: Tensor, values: Tensor)]

        private let query, out: Linear
        private let queryNorm: RMSNorm
        /// Of the prompt, and of the image for models that take one.
        private let sources: [Source]
        private let attention: Attention

        init(_ weights: Weights, _ config: TransformerConfig) throws {
            let width = config.width
            query = try Linear(weights["to_q"], from: width, to: width, cut: .output())
            out = try Linear(weights["to_out"][0], from: width, to: width, cut: .input())
            queryNorm = try RMSNorm(ofAllHeads: weights["norm_q"], size: width, epsilon: config.eps)
            var names = [["to_k", "to_v", "norm_k"]]
            if config.addedKvProjDim != nil {
                names.append(["add_k_proj", "add_v_proj", "norm_added_k"])
                // A norm that old checkpoints store and nothing uses.
                weights.disregard("norm_added_q.weight")
            }
            sources = try names.map { try Source(weights, $0, config) }
            attention = Attention(
                weights, .cross, heads: config.numAttentionHeads, headWidth: config.attentionHeadDim)
        }

        /// What of prompt and image can be attended to.
        func sources(_ context: Context) throws(TensorError) -> Sources {
            let tokens = [context.text] + (context.image.map { [$0] } ?? [])
            var result: Sources = []
            for (source, tokens) in zip(sources, tokens) { result.append(try source(tokens)) }
            return result
        }

        /// - Parameters:
        ///   - x: `[batch, tokens, width]`
        ///   - sources: what is attended to, at least one
        /// - Returns: `[batch, tokens, width]`
        func callAsFunction(_ x: Tensor, _ sources: Sources) throws(TensorError) -> Tensor {
            let query = try queryNorm(query(x))
            var attended = try attention(query, sources[0].keys, sources[0].values)
            for source in sources.dropFirst() {
                attended = try attended + attention(query, source.keys, source.values)
            }
            return try out(attended)
        }
    }

    /// Where keys and values come from.
    private struct Source {
        private let key, value: Linear
        private let keyNorm: RMSNorm

        /// - Parameter names: of key, value, and the key's norm
        init(_ weights: Weights, _ names: [String], _ config: TransformerConfig) throws {
            let (views, width) = (names.prefix(2).map { weights[$0] }, config.width)
            key = try Linear(views[0], from: width, to: width, cut: .output(), sharing: views)
            value = try Linear(views[1], from: width, to: width, cut: .output(), sharing: views)
            keyNorm = try RMSNorm(ofAllHeads: weights[names[2]], size: width, epsilon: config.eps)
        }

        func callAsFunction(_ x: Tensor) throws(TensorError) -> (keys: Tensor, values: Tensor) {
            (try keyNorm(key(x)), try value(x))
        }
    }
}
