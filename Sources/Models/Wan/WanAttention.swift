internal import Layers
internal import Tensors

extension Wan {
    /// Attention of the video's tokens to each other.
    struct SelfAttention {
        private let query, key, value, out: Linear
        private let queryNorm, keyNorm: RMSNorm
        private let kernel: Kernel

        init(_ weights: Weights, _ config: TransformerConfig) throws {
            let width = config.width
            query = try Linear(weights["to_q"], from: width, to: width)
            key = try Linear(weights["to_k"], from: width, to: width)
            value = try Linear(weights["to_v"], from: width, to: width)
            out = try Linear(weights["to_out"][0], from: width, to: width)
            queryNorm = try RMSNorm(weights["norm_q"], size: width, epsilon: config.eps)
            keyNorm = try RMSNorm(weights["norm_k"], size: width, epsilon: config.eps)
            kernel = Kernel(weights.plan.attention, config)
        }

        /// - Parameters:
        ///   - x: `[batch, tokens, width]`
        ///   - rotary: the tables of the tokens
        /// - Returns: `[batch, tokens, width]`
        /// - Throws: ``TensorError``
        func callAsFunction(_ x: Tensor, _ rotary: RotaryEmbedding) throws(TensorError) -> Tensor {
            try out(
                kernel(
                    rotary.applied(to: query(x), afterJoint: queryNorm),
                    rotary.applied(to: key(x), afterJoint: keyNorm), value(x)))
        }
    }

    /// Attention of the video's tokens to the prompt's, and to the picture's with keys and values of their own.
    struct CrossAttention {
        private let query, out: Linear
        private let queryNorm: RMSNorm
        private let text: Source
        private let image: Source?
        private let kernel: Kernel

        init(_ weights: Weights, _ config: TransformerConfig) throws {
            let width = config.width
            query = try Linear(weights["to_q"], from: width, to: width)
            out = try Linear(weights["to_out"][0], from: width, to: width)
            queryNorm = try RMSNorm(weights["norm_q"], size: width, epsilon: config.eps)
            text = try Source(weights, key: "to_k", value: "to_v", norm: "norm_k", config)
            image =
                config.addedKvProjDim == nil
                ? nil : try Source(weights, key: "add_k_proj", value: "add_v_proj", norm: "norm_added_k", config)
            // A norm that old checkpoints store and nothing uses.
            if image != nil { weights.disregard("norm_added_q.weight") }
            kernel = Kernel(weights.plan.attention, config)
        }

        /// - Parameters:
        ///   - x: `[batch, tokens, width]`
        ///   - context: prompt and picture
        /// - Returns: `[batch, tokens, width]`
        /// - Throws: ``TensorError``
        func callAsFunction(_ x: Tensor, _ context: Context) throws(TensorError) -> Tensor {
            let query = try queryNorm(query(x))
            var attended = try kernel(query, text.key(context.text), text.value(context.text))
            if let image, let picture = context.image {
                attended = try attended + kernel(query, image.key(picture), image.value(picture))
            }
            return try out(attended)
        }
    }

    /// Where keys and values come from.
    private struct Source {
        private let keyLinear: Linear
        private let keyNorm: RMSNorm
        let value: Linear

        init(_ weights: Weights, key: String, value: String, norm: String, _ config: TransformerConfig) throws {
            keyLinear = try Linear(weights[key], from: config.width, to: config.width)
            self.value = try Linear(weights[value], from: config.width, to: config.width)
            keyNorm = try RMSNorm(weights[norm], size: config.width, epsilon: config.eps)
        }

        func key(_ x: Tensor) throws(TensorError) -> Tensor { try keyNorm(keyLinear(x)) }
    }

    /// The attention kernel over all heads, on `[batch, tokens, heads · headWidth]`.
    private struct Kernel {
        private let backend: any AttentionBackend
        private let heads: Int
        private let scale: Double

        init(_ backend: any AttentionBackend, _ config: TransformerConfig) {
            (self.backend, heads) = (backend, config.numAttentionHeads)
            scale = 1 / Double(config.attentionHeadDim).squareRoot()
        }

        func callAsFunction(_ query: Tensor, _ key: Tensor, _ value: Tensor) throws(TensorError) -> Tensor {
            try backend.attend(
                query.splitHeads(heads), key.splitHeads(heads), value.splitHeads(heads), mask: nil, scale: scale
            ).mergeHeads()
        }
    }
}
