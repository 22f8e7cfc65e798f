internal import Layers
internal import Tensors

/// A block whose text and image have weights of their own and meet in one attention (MMDiT).
struct JointBlock {
    let text, image: JointStream
    private let attention: Attention

    /// - Parameters:
    ///   - weights: the view of the block; the attention is its `attn`
    ///   - text: the stream of the text
    ///   - image: the stream of the image
    ///   - heads: of the attention
    ///   - headWidth: numbers of a head
    init(_ weights: Weights, text: JointStream, image: JointStream, heads: Int, headWidth: Int) {
        (self.text, self.image) = (text, image)
        attention = Attention(weights["attn"], .joint, heads: heads, headWidth: headWidth)
    }

    /// - Parameters:
    ///   - x: text, `[batch, textTokens, width]`, and the modulation of its attention and feed-forward
    ///   - y: image, `[batch, tokens, width]`, and its modulation
    ///   - rotary: tables for text and image
    ///   - mask: as ``Attention`` takes it
    /// - Returns: both streams, changed
    func callAsFunction(
        text x: (tokens: Tensor, modulation: [Modulation]), image y: (tokens: Tensor, modulation: [Modulation]),
        rotary: RotaryEmbedding, mask: Tensor? = nil
    ) throws(TensorError) -> (text: Tensor, image: Tensor) {
        let count = x.tokens.size(1)
        let attended: Tensor
        do {
            let (query, key, value) = try text.projections(
                { () throws(TensorError) in try x.modulation[0].normed(x.tokens) },
                before: { () throws(TensorError) in try y.modulation[0].normed(y.tokens) }, by: image.projections,
                rotary)
            attended = try attention(query, key, value, mask: mask, textTokens: count)
        }
        return try concurrently { () throws(TensorError) in
            try text.finished(x.tokens, attended.slice(0..<count, axis: 1), x.modulation)
        } _: { () throws(TensorError) in
            try image.finished(y.tokens, attended.slice(count..<attended.size(1), axis: 1), y.modulation)
        }
    }
}

/// Half of a ``JointBlock``: one stream's norms, projections and feed-forward.
struct JointStream {
    /// Which half, as the names of its weights tell.
    enum Kind { case text, image }

    let projections: AttentionProjections
    private let attentionOut: Linear
    private let feedForward: any TokenLayer

    /// - Parameters:
    ///   - attention: the view of the block's attention
    ///   - kind: which half
    ///   - heads: of the attention
    ///   - width: of the tokens
    ///   - bias: whether the attention's layers have biases
    ///   - feedForward: what follows the attention
    /// - Throws: ``WeightError`` or ``TensorError``
    init(
        _ attention: Weights, _ kind: Kind, heads: Int, width: Int, bias: Bool = true, _ feedForward: any TokenLayer
    ) throws {
        let out: Weights
        let names: [String]
        switch kind {
        case .image: (out, names) = (attention["to_out"][0], ["to_q", "to_k", "to_v", "norm_q", "norm_k"])
        case .text:
            (out, names) = (
                attention["to_add_out"], ["add_q_proj", "add_k_proj", "add_v_proj", "norm_added_q", "norm_added_k"]
            )
        }
        projections = try AttentionProjections(
            attention, names, width: width, norming: .head(of: heads), epsilon: 1e-6, bias: bias)
        attentionOut = try Linear(out, from: width, to: width, bias: bias, cut: .input())
        self.feedForward = feedForward
    }

    /// The stream after attention and feed-forward, `[batch, tokens, width]`.
    func finished(_ x: Tensor, _ attended: Tensor, _ modulation: [Modulation]) throws(TensorError) -> Tensor {
        let x = try modulation[0].added(attentionOut(attended), to: x)
        return try modulation[1].added(feedForward(modulation[1].normed(x)), to: x)
    }
}
