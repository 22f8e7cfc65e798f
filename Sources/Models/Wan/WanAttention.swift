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
        /// Keys and values of the prompt's tokens, and of the picture's.
        struct Sources {
            fileprivate let text: KeysAndValues
            fileprivate let image: KeysAndValues?
        }

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

        /// - Parameter context: prompt and picture
        /// - Returns: what can be attended to
        /// - Throws: ``TensorError``
        func sources(_ context: Context) throws(TensorError) -> Sources {
            var picture: KeysAndValues?
            if let image, let tokens = context.image { picture = try image(tokens) }
            return Sources(text: try text(context.text), image: picture)
        }

        /// - Parameters:
        ///   - x: `[batch, tokens, width]`
        ///   - sources: what is attended to
        /// - Returns: `[batch, tokens, width]`
        /// - Throws: ``TensorError``
        func callAsFunction(_ x: Tensor, _ sources: Sources) throws(TensorError) -> Tensor {
            let query = try queryNorm(query(x))
            var attended = try kernel(query, sources.text.keys, sources.text.values)
            if let picture = sources.image {
                attended = try attended + kernel(query, picture.keys, picture.values)
            }
            return try out(attended)
        }
    }

    /// Each `[batch, tokens, width]`.
    fileprivate struct KeysAndValues {
        let keys, values: Tensor
    }

    /// Where keys and values come from.
    private struct Source {
        private let key, value: Linear
        private let keyNorm: RMSNorm

        init(_ weights: Weights, key: String, value: String, norm: String, _ config: TransformerConfig) throws {
            self.key = try Linear(weights[key], from: config.width, to: config.width)
            self.value = try Linear(weights[value], from: config.width, to: config.width)
            keyNorm = try RMSNorm(weights[norm], size: config.width, epsilon: config.eps)
        }

        func callAsFunction(_ x: Tensor) throws(TensorError) -> KeysAndValues {
            KeysAndValues(keys: try keyNorm(key(x)), values: try value(x))
        }
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
