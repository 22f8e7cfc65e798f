internal import Layers
internal import Tensors

extension Flux1 {
    /// A block whose text and image have weights of their own and meet in one attention.
    struct DoubleBlock {
        private let textModulation, imageModulation: Linear
        private let block: JointBlock

        init(_ weights: Weights, _ config: TransformerConfig) throws {
            let (width, heads) = (config.width, config.numAttentionHeads)
            func stream(_ kind: JointStream.Kind, _ feedForward: String) throws -> JointStream {
                try JointStream(
                    weights["attn"], kind, heads: heads, width: width,
                    FeedForward(weights[feedForward], from: width, inner: 4 * width, to: width, .geluTanh))
            }
            textModulation = try Linear(weights["norm1_context"]["linear"], from: width, to: 6 * width)
            imageModulation = try Linear(weights["norm1"]["linear"], from: width, to: 6 * width)
            block = JointBlock(
                weights, text: try stream(.text, "ff_context"), image: try stream(.image, "ff"), heads: heads,
                headWidth: config.attentionHeadDim)
        }

        /// - Parameters:
        ///   - x: text, `[batch, textTokens, width]`
        ///   - y: image, `[batch, tokens, width]`
        ///   - modulation: of text and image, `[batch, 12 · width]`
        ///   - rotary: tables for text and image
        /// - Returns: both streams, changed
        func callAsFunction(text x: Tensor, image y: Tensor, _ modulation: Tensor, rotary: RotaryEmbedding)
            throws(TensorError) -> (text: Tensor, image: Tensor)
        {
            let parts = try Modulation.parts(of: modulation, count: 4)
            return try block(text: (x, Array(parts[..<2])), image: (y, Array(parts[2...])), rotary: rotary)
        }

        /// The image's tokens as the attention takes them, `[batch, tokens, width]`.
        func attentionInput(image y: Tensor, _ modulation: Tensor) throws(TensorError) -> Tensor {
            try Modulation.parts(of: modulation, count: 4)[2].normed(y).tokens()
        }

        /// - Parameter conditioning: `[rows, 1, width]`
        /// - Returns: of text and image, `[rows, 1, 6 · width]`
        func modulations(_ conditioning: Tensor) throws(TensorError) -> [Tensor] {
            [try textModulation(conditioning), try imageModulation(conditioning)]
        }
    }

    /// A block over text and image in one sequence, whose attention and feed-forward run side by side.
    struct SingleBlock {
        private let blockModulation: Linear
        private let projections: AttentionProjections
        private let up, out: Linear
        private let attention: Attention

        init(_ weights: Weights, _ config: TransformerConfig) throws {
            let width = config.width
            blockModulation = try Linear(weights["norm"]["linear"], from: width, to: 3 * width)
            projections = try AttentionProjections(
                weights["attn"], width: width, norming: .head(of: config.numAttentionHeads), epsilon: 1e-6)
            up = try Linear(weights["proj_mlp"], from: width, to: 4 * width, cut: .output())
            out = try Linear(
                weights["proj_out"], from: 5 * width, to: width, cut: .input(segments: [width, 4 * width]))
            attention = Attention(
                weights["attn"], .joint, heads: config.numAttentionHeads, headWidth: config.attentionHeadDim)
        }

        /// - Parameters:
        ///   - x: text and image, `[batch, tokens, width]`
        ///   - queries: the tokens that are wanted; the others are only attended to
        ///   - textTokens: how many tokens are text
        ///   - modulation: `[batch, 3 · width]`
        ///   - rotary: tables for text and image
        /// - Returns: the wanted tokens, `[batch, wanted, width]`
        func callAsFunction(
            _ x: Tensor, _ queries: StreamTokens, textTokens: Int, _ modulation: Tensor, rotary: RotaryEmbedding
        ) throws(TensorError) -> Tensor {
            let first = queries == .all ? 0 : textTokens
            let modulation = try Modulation.parts(of: modulation, count: 1)[0]
            let joined: LinearInput
            do {
                let normed = try modulation.normed(x)
                let wanted = first == 0 ? normed : LinearInput(try normed.tokens().tokens(from: first))
                let (query, key, value) = try projections(normed, rotary, queries: wanted)
                joined = try up.input(
                    wanted, .beside(attention(query, key, value, textTokens: textTokens, queries: queries), .geluTanh))
            }
            return try modulation.added(out(joined), to: x.tokens(from: first))
        }

        /// - Parameter conditioning: `[rows, 1, width]`
        /// - Returns: `[rows, 1, 3 · width]`
        func modulation(_ conditioning: Tensor) throws(TensorError) -> Tensor { try blockModulation(conditioning) }
    }
}

extension Tensor {
    /// Some tokens and all behind them, of `[batch, tokens, width]`.
    fileprivate func tokens(from first: Int) throws(TensorError) -> Tensor {
        first == 0 ? self : try slice(first..<size(1), axis: 1).contiguous()
    }
}
