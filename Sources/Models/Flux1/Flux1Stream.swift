internal import Layers
internal import Tensors

extension Flux1 {
    /// Half of a double block: one stream's norms, projections and feed-forward.
    struct Stream {
        enum Kind { case text, image }

        private let modulationLinear: Linear
        private let projections: Projections
        private let attentionOut: Linear
        private let feedForward: FeedForward

        init(_ weights: Weights, _ kind: Kind, _ config: TransformerConfig) throws {
            let width = config.width
            let attention = weights["attn"]
            switch kind {
            case .image:
                modulationLinear = try Linear(weights["norm1"]["linear"], from: width, to: 6 * width)
                projections = try Projections(
                    attention, ["to_q", "to_k", "to_v", "norm_q", "norm_k"], config)
                attentionOut = try Linear(attention["to_out"][0], from: width, to: width, cut: .input())
                feedForward = try FeedForward(weights["ff"], from: width, inner: 4 * width, to: width, .geluTanh)
            case .text:
                modulationLinear = try Linear(weights["norm1_context"]["linear"], from: width, to: 6 * width)
                projections = try Projections(
                    attention, ["add_q_proj", "add_k_proj", "add_v_proj", "norm_added_q", "norm_added_k"], config)
                attentionOut = try Linear(attention["to_add_out"], from: width, to: width, cut: .input())
                feedForward = try FeedForward(
                    weights["ff_context"], from: width, inner: 4 * width, to: width, .geluTanh)
            }
        }

        /// How the timestep scales, shifts and gates this stream, each `[batch, width]`.
        struct Modulation {
            let attentionShift, attentionScale, attentionGate: Tensor
            let feedForwardShift, feedForwardScale, feedForwardGate: Tensor
        }

        func modulation(_ conditioning: Tensor) throws(TensorError) -> Modulation {
            let parts = try modulationLinear(conditioning).chunks(6)
            return Modulation(
                attentionShift: parts[0], attentionScale: parts[1], attentionGate: parts[2],
                feedForwardShift: parts[3], feedForwardScale: parts[4], feedForwardGate: parts[5])
        }

        /// What this stream brings to the attention, each `[batch, tokens, heads, headWidth]`.
        func projected(_ x: Tensor, _ modulation: Modulation, _ rotary: RotaryEmbedding) throws(TensorError)
            -> (query: Tensor, key: Tensor, value: Tensor)
        {
            let normed = try attentionInput(x, modulation)
            return try projections(normed, rotary, queries: normed)
        }

        /// This stream, normed, scaled and shifted, `[batch, tokens, width]`.
        func attentionInput(_ x: Tensor, _ modulation: Modulation) throws(TensorError) -> Tensor {
            try modulatedLayerNorm(
                x, scale: modulation.attentionScale, shift: modulation.attentionShift, epsilon: 1e-6)
        }

        /// The stream after attention and feed-forward, `[batch, tokens, width]`.
        func finished(_ x: Tensor, _ attended: Tensor, _ modulation: Modulation) throws(TensorError) -> Tensor {
            let h = try gatedAdd(x, gate: modulation.attentionGate, attentionOut(attended))
            let normed = try modulatedLayerNorm(
                h, scale: modulation.feedForwardScale, shift: modulation.feedForwardShift, epsilon: 1e-6)
            return try gatedAdd(h, gate: modulation.feedForwardGate, feedForward(normed))
        }
    }

    /// Query, key and value: query and key normed in each head and turned by their position.
    struct Projections {
        private let query, key, value: Linear
        private let queryNorm, keyNorm: RMSNorm
        private let heads: Int

        /// - Parameters:
        ///   - weights: the view of the attention
        ///   - names: query, key, value, and the norms of query and key
        ///   - config: the transformer's
        /// - Throws: ``WeightError`` or ``TensorError``
        init(_ weights: Weights, _ names: [String], _ config: TransformerConfig) throws {
            let width = config.width
            query = try Linear(weights[names[0]], from: width, to: width, cut: .output())
            key = try Linear(weights[names[1]], from: width, to: width, cut: .output())
            value = try Linear(weights[names[2]], from: width, to: width, cut: .output())
            queryNorm = try RMSNorm(weights[names[3]], size: config.attentionHeadDim, epsilon: 1e-6)
            keyNorm = try RMSNorm(weights[names[4]], size: config.attentionHeadDim, epsilon: 1e-6)
            heads = config.numAttentionHeads
        }

        /// - Parameters:
        ///   - x: what is attended to, `[batch, tokens, width]`
        ///   - rotary: the tables of its tokens
        ///   - y: the tokens that attend: all of `x`, or its last ones
        /// - Returns: `[batch, tokens, heads, headWidth]`
        func callAsFunction(_ x: Tensor, _ rotary: RotaryEmbedding, queries y: Tensor) throws(TensorError)
            -> (query: Tensor, key: Tensor, value: Tensor)
        {
            let last = try rotary.split(at: x.size(1) - y.size(1)).1
            return (
                try last.applied(to: query(y).reshaped(y.size(0), y.size(1), heads, -1), after: queryNorm),
                try rotary.applied(to: key(x).reshaped(x.size(0), x.size(1), heads, -1), after: keyNorm),
                try value(x).reshaped(x.size(0), x.size(1), heads, -1)
            )
        }
    }
}
