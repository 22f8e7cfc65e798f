internal import Layers
internal import Tensors

extension Flux1 {
    /// A block whose text and image have weights of their own and meet in one attention.
    struct DoubleBlock {
        private let text, image: Stream
        private let attention: Attention

        init(_ weights: Weights, _ config: TransformerConfig) throws {
            image = try Stream(weights, .image, config)
            text = try Stream(weights, .text, config)
            attention = Attention(
                weights["attn"], .joint, heads: config.numAttentionHeads, headWidth: config.attentionHeadDim)
        }

        /// - Parameters:
        ///   - x: text, `[batch, textTokens, width]`
        ///   - y: image, `[batch, tokens, width]`
        ///   - conditioning: `[batch, width]`
        ///   - rotary: tables for text and image
        /// - Returns: both streams, changed
        func callAsFunction(text x: Tensor, image y: Tensor, conditioning: Tensor, rotary: RotaryEmbedding)
            throws(TensorError) -> (text: Tensor, image: Tensor)
        {
            let tokens = x.size(1)
            let textModulation = try text.modulation(conditioning)
            let imageModulation = try image.modulation(conditioning)
            let attended: Tensor
            do {
                let (textTables, imageTables) = try rotary.split(at: tokens)
                let a = try text.projected(x, textModulation, textTables)
                let b = try image.projected(y, imageModulation, imageTables)
                attended = try attention(
                    concatenate([a.query, b.query], axis: 1), concatenate([a.key, b.key], axis: 1),
                    concatenate([a.value, b.value], axis: 1), textTokens: tokens)
            }
            return (
                try text.finished(x, attended.slice(0..<tokens, axis: 1), textModulation),
                try image.finished(y, attended.slice(tokens..<attended.size(1), axis: 1), imageModulation)
            )
        }

        /// The image's tokens as the attention takes them, `[batch, tokens, width]`.
        func attentionInput(image y: Tensor, conditioning: Tensor) throws(TensorError) -> Tensor {
            try image.attentionInput(y, image.modulation(conditioning))
        }
    }

    /// A block over text and image in one sequence, whose attention and feed-forward run side by side.
    struct SingleBlock {
        private let modulation: Linear
        private let projections: Projections
        private let up, out: Linear
        private let attention: Attention

        init(_ weights: Weights, _ config: TransformerConfig) throws {
            let width = config.width
            modulation = try Linear(weights["norm"]["linear"], from: width, to: 3 * width)
            projections = try Projections(
                weights["attn"], ["to_q", "to_k", "to_v", "norm_q", "norm_k"], config)
            up = try Linear(weights["proj_mlp"], from: width, to: 4 * width, cut: .output())
            out = try Linear(
                weights["proj_out"], from: 5 * width, to: width, cut: .input(segments: [width, 4 * width]))
            attention = Attention(
                weights["attn"], .joint, heads: config.numAttentionHeads, headWidth: config.attentionHeadDim)
        }

        /// - Parameters:
        ///   - x: text and image, `[batch, tokens, width]`
        ///   - first: the first token that is wanted; those before it are only attended to
        ///   - textTokens: how many tokens are text
        ///   - conditioning: `[batch, width]`
        ///   - rotary: tables for text and image
        /// - Returns: the wanted tokens, `[batch, tokens - first, width]`
        func callAsFunction(
            _ x: Tensor, from first: Int, textTokens: Int, conditioning: Tensor, rotary: RotaryEmbedding
        ) throws(TensorError) -> Tensor {
            let parts = try modulation(conditioning).chunks(3)
            let (shift, scale, gate) = (parts[0], parts[1], parts[2])
            let joined: Tensor
            do {
                let normed = try modulatedLayerNorm(x, scale: scale, shift: shift, epsilon: 1e-6)
                let wanted = try normed.tokens(from: first)
                let (query, key, value) = try projections(normed, rotary, queries: wanted)
                joined = try up(wanted, .beside(attention(query, key, value, textTokens: textTokens), .geluTanh))
            }
            return try gatedAdd(x.tokens(from: first), gate: gate, out(joined))
        }
    }

    /// The last norm, scaled and shifted by the timestep.
    struct FinalNorm {
        private let modulation: Linear

        init(_ weights: Weights, width: Int) throws {
            modulation = try Linear(weights["linear"], from: width, to: 2 * width)
        }

        func callAsFunction(_ x: Tensor, conditioning: Tensor) throws(TensorError) -> Tensor {
            let parts = try modulation(conditioning).chunks(2)
            return try modulatedLayerNorm(x, scale: parts[0], shift: parts[1], epsilon: 1e-6)
        }
    }
}

extension Tensor {
    /// Some tokens and all behind them, of `[batch, tokens, width]`.
    fileprivate func tokens(from first: Int) throws(TensorError) -> Tensor {
        first == 0 ? self : try slice(first..<size(1), axis: 1).contiguous()
    }
}
