internal import Layers
internal import Tensors

extension Flux1 {
    /// Half of a double block: one stream's norms, projections and feed-forward.
    struct Stream {
        enum Kind { case text, image }

        private let modulationLinear: Linear
        private let projections: AttentionProjections
        private let attentionOut: Linear
        private let feedForward: FeedForward

        init(_ weights: Weights, _ kind: Kind, _ config: TransformerConfig) throws {
            let (width, attention) = (config.width, weights["attn"])
            let (norm, out, inner): (Weights, Weights, Weights)
            let names: [String]
            switch kind {
            case .image:
                (norm, out, inner) = (weights["norm1"], attention["to_out"][0], weights["ff"])
                names = ["to_q", "to_k", "to_v", "norm_q", "norm_k"]
            case .text:
                (norm, out, inner) = (weights["norm1_context"], attention["to_add_out"], weights["ff_context"])
                names = ["add_q_proj", "add_k_proj", "add_v_proj", "norm_added_q", "norm_added_k"]
            }
            modulationLinear = try Linear(norm["linear"], from: width, to: 6 * width)
            projections = try AttentionProjections(
                attention, names, width: width, norming: .head(of: config.numAttentionHeads), epsilon: 1e-6)
            attentionOut = try Linear(out, from: width, to: width, cut: .input())
            feedForward = try FeedForward(inner, from: width, inner: 4 * width, to: width, .geluTanh)
        }

        /// Of attention and feed-forward.
        func modulation(_ conditioning: Tensor) throws(TensorError) -> [Modulation] {
            try Modulation.parts(of: modulationLinear(conditioning), count: 2)
        }

        /// What this stream brings to the attention.
        func projected(_ x: Tensor, _ modulation: [Modulation], _ rotary: RotaryEmbedding) throws(TensorError)
            -> (query: Tensor, key: Tensor, value: Tensor)
        {
            try projections(modulation[0].normed(x), rotary)
        }

        /// The stream after attention and feed-forward, `[batch, tokens, width]`.
        func finished(_ x: Tensor, _ attended: Tensor, _ modulation: [Modulation]) throws(TensorError) -> Tensor {
            let x = try modulation[0].added(attentionOut(attended), to: x)
            return try modulation[1].added(feedForward(modulation[1].normed(x)), to: x)
        }
    }
}
