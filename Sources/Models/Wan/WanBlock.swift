internal import Layers
internal import Tensors

extension Wan {
    /// One layer: attention among the video's tokens, attention to the prompt, and feed-forward; the first and the last
    /// are scaled, shifted and gated by the timestep.
    struct Block {
        private let selfAttention: SelfAttention
        private let crossAttention: CrossAttention
        private let crossNorm: WideLayerNorm?
        private let feedForward: FeedForward
        private let table: Tensor
        private let epsilon: Double
        private let dtype: DType

        init(_ weights: Weights, _ config: TransformerConfig) throws {
            let width = config.width
            selfAttention = try SelfAttention(weights["attn1"], config)
            crossAttention = try CrossAttention(weights["attn2"], config)
            crossNorm =
                config.crossAttnNorm ? try WideLayerNorm(weights["norm2"], size: width, epsilon: config.eps) : nil
            feedForward = try FeedForward(weights["ffn"], from: width, inner: config.ffnDim, to: width, .geluTanh)
            table = try weights.computing(in: .float32).tensor("scale_shift_table", 1, 6, width).unsqueezed(0)
            (epsilon, dtype) = (config.eps, weights.plan.dtype)
        }

        /// Keys and values of prompt and image, which depend on nothing else.
        func sources(_ context: Context) throws(TensorError) -> CrossAttention.Sources {
            try crossAttention.sources(context)
        }

        /// - Parameters:
        ///   - x: `[batch, tokens, width]`, in 32-bit floats
        ///   - sources: what ``sources(_:)`` made of prompt and image
        ///   - modulation: of each group of tokens, `[batch, groups, 6, width]`, in 32-bit floats
        ///   - rotary: the tables of the tokens
        /// - Returns: `[batch, tokens, width]`, in 32-bit floats
        func callAsFunction(
            _ x: Tensor, _ sources: CrossAttention.Sources, modulation: Tensor, rotary: RotaryEmbedding
        ) throws(TensorError) -> Tensor {
            let shifts = try table + modulation
            func part(_ index: Int) throws(TensorError) -> Tensor { try shifts.select(index, axis: 2) }
            func modulated(_ x: Tensor, _ scale: Int, _ shift: Int) throws(TensorError) -> LinearInput {
                LinearInput(normed: x, scale: try part(scale), shift: try part(shift), epsilon: epsilon, as: dtype)
            }
            var x = try gatedAdd(x, gate: part(2), selfAttention(modulated(x, 1, 0), rotary))
            let normed = try (crossNorm.map { norm throws(TensorError) in try norm(x) } ?? x).to(dtype)
            x = try x + crossAttention(normed, sources)
            return try gatedAdd(x, gate: part(5), feedForward(modulated(x, 4, 3)))
        }
    }
}
