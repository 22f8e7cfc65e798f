internal import Layers
internal import Tensors

extension Flux1 {
    /// A block whose text and picture have weights of their own and meet in one attention.
    struct DoubleBlock {
        private let text, picture: Stream
        private let backend: any AttentionBackend

        init(_ weights: Weights, _ config: TransformerConfig) throws {
            picture = try Stream(weights, .picture, config)
            text = try Stream(weights, .text, config)
            backend = weights.plan.attention
        }

        /// - Parameters:
        ///   - x: text, `[batch, textTokens, width]`
        ///   - y: picture, `[batch, tokens, width]`
        ///   - conditioning: `[batch, width]`
        ///   - rotary: tables for text and picture
        /// - Returns: both streams, changed
        /// - Throws: ``TensorError``
        func callAsFunction(text x: Tensor, picture y: Tensor, conditioning: Tensor, rotary: RotaryEmbedding)
            throws(TensorError) -> (text: Tensor, picture: Tensor)
        {
            let tokens = x.size(1)
            let textModulation = try text.modulation(conditioning)
            let pictureModulation = try picture.modulation(conditioning)
            let attended: Tensor
            do {
                let (textTables, pictureTables) = try rotary.split(at: tokens)
                let a = try text.projected(x, textModulation, textTables)
                let b = try picture.projected(y, pictureModulation, pictureTables)
                attended = try attend(
                    concatenate([a.query, b.query], axis: 1), concatenate([a.key, b.key], axis: 1),
                    concatenate([a.value, b.value], axis: 1), backend)
            }
            return (
                try text.finished(x, attended.slice(0..<tokens, axis: 1), textModulation),
                try picture.finished(y, attended.slice(tokens..<attended.size(1), axis: 1), pictureModulation)
            )
        }

        /// The picture's tokens as the attention takes them, `[batch, tokens, width]`.
        func attentionInput(picture y: Tensor, conditioning: Tensor) throws(TensorError) -> Tensor {
            try picture.attentionInput(y, picture.modulation(conditioning))
        }
    }

    /// A block over text and picture in one sequence, whose attention and feed-forward run side by side.
    struct SingleBlock {
        private let modulation: Linear
        private let projections: Projections
        private let up, out: Linear
        private let backend: any AttentionBackend

        init(_ weights: Weights, _ config: TransformerConfig) throws {
            let width = config.width
            modulation = try Linear(weights["norm"]["linear"], from: width, to: 3 * width)
            projections = try Projections(
                weights["attn"], ["to_q", "to_k", "to_v", "norm_q", "norm_k"], config)
            up = try Linear(weights["proj_mlp"], from: width, to: 4 * width)
            out = try Linear(weights["proj_out"], from: 5 * width, to: width)
            backend = weights.plan.attention
        }

        /// - Parameters:
        ///   - x: text and picture, `[batch, tokens, width]`
        ///   - first: the first token that is wanted; those before it are only attended to
        ///   - conditioning: `[batch, width]`
        ///   - rotary: tables for text and picture
        /// - Returns: the wanted tokens, `[batch, tokens - first, width]`
        /// - Throws: ``TensorError``
        func callAsFunction(_ x: Tensor, from first: Int, conditioning: Tensor, rotary: RotaryEmbedding)
            throws(TensorError) -> Tensor
        {
            let parts = try modulation(conditioning).chunks(3)
            let (shift, scale, gate) = (parts[0], parts[1], parts[2])
            let joined: Tensor
            do {
                let normed = try modulatedLayerNorm(x, scale: scale, shift: shift, epsilon: 1e-6)
                let wanted = try normed.tokens(from: first)
                let (query, key, value) = try projections(normed, rotary, queries: wanted)
                joined = try up.geluTanh(wanted, beside: attend(query, key, value, backend))
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

    /// Attention over `[batch, tokens, heads, width]`, giving `[batch, tokens, heads · width]`.
    private static func attend(
        _ query: Tensor, _ key: Tensor, _ value: Tensor, _ backend: any AttentionBackend
    ) throws(TensorError) -> Tensor {
        try backend.attend(
            query.transposed(1, 2), key.transposed(1, 2), value.transposed(1, 2), mask: nil,
            scale: 1 / Double(query.size(3)).squareRoot()
        ).mergeHeads()
    }
}

extension Tensor {
    /// Some tokens and all behind them, of `[batch, tokens, width]`.
    fileprivate func tokens(from first: Int) throws(TensorError) -> Tensor {
        first == 0 ? self : try slice(first..<size(1), axis: 1).contiguous()
    }
}

extension RotaryEmbedding {
    /// The tables of the first tokens and of the rest.
    func split(at tokens: Int) throws(TensorError) -> (RotaryEmbedding, RotaryEmbedding) {
        let end = cosine.size(0)
        return (
            RotaryEmbedding(
                cosine: try cosine.slice(0..<tokens, axis: 0), sine: try sine.slice(0..<tokens, axis: 0)),
            RotaryEmbedding(
                cosine: try cosine.slice(tokens..<end, axis: 0), sine: try sine.slice(tokens..<end, axis: 0))
        )
    }
}
