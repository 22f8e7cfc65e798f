internal import Layers
internal import Tensors

extension Wan {
    /// Attention of the video's tokens to each other.
    struct SelfAttention {
        private let query, key, value, out: Linear
        private let queryNorm, keyNorm: RMSNorm
        private let attention: Attention

        init(_ weights: Weights, _ config: TransformerConfig) throws {
            let width = config.width
            query = try Linear(weights["to_q"], from: width, to: width, cut: .output())
            key = try Linear(weights["to_k"], from: width, to: width, cut: .output())
            value = try Linear(weights["to_v"], from: width, to: width, cut: .output())
            out = try Linear(weights["to_out"][0], from: width, to: width, cut: .input())
            queryNorm = try RMSNorm(weights["norm_q"], size: width, epsilon: config.eps)
            keyNorm = try RMSNorm(weights["norm_k"], size: width, epsilon: config.eps)
            attention = Attention(
                weights, .selfAttention, heads: config.numAttentionHeads, headWidth: config.attentionHeadDim)
        }

        /// - Parameters:
        ///   - x: `[batch, tokens, width]`
        ///   - rotary: the tables of the tokens
        /// - Returns: `[batch, tokens, width]`
        func callAsFunction(_ x: Tensor, _ rotary: RotaryEmbedding) throws(TensorError) -> Tensor {
            try out(
                attention(
                    rotary.applied(to: query(x), afterJoint: queryNorm),
                    rotary.applied(to: key(x), afterJoint: keyNorm), value(x)))
        }
    }

    /// Attention of the video's tokens to the prompt's, and to the image's with keys and values of their own.
    struct CrossAttention {
        /// Keys and values of the prompt's tokens, and of the image's.
        struct Sources {
            fileprivate var text: KeysAndValues
            fileprivate var image: KeysAndValues?

            /// Puts other tensors in place of all of these.
            mutating func map(_ map: (Tensor) throws(TensorError) -> Tensor) throws(TensorError) {
                text = try text.mapped(map)
                if let image { self.image = try image.mapped(map) }
            }
        }

        private let query, out: Linear
        private let queryNorm: RMSNorm
        private let text: Source
        private let image: Source?
        private let attention: Attention

        init(_ weights: Weights, _ config: TransformerConfig) throws {
            let width = config.width
            query = try Linear(weights["to_q"], from: width, to: width, cut: .output())
            out = try Linear(weights["to_out"][0], from: width, to: width, cut: .input())
            queryNorm = try RMSNorm(weights["norm_q"], size: width, epsilon: config.eps)
            text = try Source(weights, key: "to_k", value: "to_v", norm: "norm_k", config)
            image =
                config.addedKvProjDim == nil
                ? nil : try Source(weights, key: "add_k_proj", value: "add_v_proj", norm: "norm_added_k", config)
            // A norm that old checkpoints store and nothing uses.
            if image != nil { weights.disregard("norm_added_q.weight") }
            attention = Attention(
                weights, .cross, heads: config.numAttentionHeads, headWidth: config.attentionHeadDim)
        }

        /// - Parameter context: prompt and image
        /// - Returns: what can be attended to
        func sources(_ context: Context) throws(TensorError) -> Sources {
            var imageSource: KeysAndValues?
            if let image, let tokens = context.image { imageSource = try image(tokens) }
            return Sources(text: try text(context.text), image: imageSource)
        }

        /// - Parameters:
        ///   - x: `[batch, tokens, width]`
        ///   - sources: what is attended to
        /// - Returns: `[batch, tokens, width]`
        func callAsFunction(_ x: Tensor, _ sources: Sources) throws(TensorError) -> Tensor {
            let query = try queryNorm(query(x))
            var attended = try attention(query, sources.text.keys, sources.text.values)
            if let image = sources.image {
                attended = try attended + attention(query, image.keys, image.values)
            }
            return try out(attended)
        }
    }

    /// Each `[batch, tokens, width]`.
    fileprivate struct KeysAndValues {
        let keys, values: Tensor

        func mapped(_ map: (Tensor) throws(TensorError) -> Tensor) throws(TensorError) -> KeysAndValues {
            KeysAndValues(keys: try map(keys), values: try map(values))
        }
    }

    /// Where keys and values come from.
    private struct Source {
        private let key, value: Linear
        private let keyNorm: RMSNorm

        init(_ weights: Weights, key: String, value: String, norm: String, _ config: TransformerConfig) throws {
            self.key = try Linear(weights[key], from: config.width, to: config.width, cut: .output())
            self.value = try Linear(weights[value], from: config.width, to: config.width, cut: .output())
            keyNorm = try RMSNorm(weights[norm], size: config.width, epsilon: config.eps)
        }

        func callAsFunction(_ x: Tensor) throws(TensorError) -> KeysAndValues {
            KeysAndValues(keys: try keyNorm(key(x)), values: try value(x))
        }
    }
}
