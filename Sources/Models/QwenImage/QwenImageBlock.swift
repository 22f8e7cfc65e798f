internal import Layers
internal import Tensors

extension QwenImage {
    /// A block whose text and image have weights and a modulation of their own and meet in one attention.
    struct Block {
        private let textModulation, imageModulation: Linear
        private let block: JointBlock

        init(_ weights: Weights, _ config: TransformerConfig) throws {
            let (width, heads) = (config.width, config.numAttentionHeads)
            func stream(_ kind: JointStream.Kind, _ feedForward: String) throws -> JointStream {
                try JointStream(
                    weights["attn"], kind, heads: heads, width: width,
                    FeedForward(weights[feedForward], from: width, inner: 4 * width, to: width, .geluTanh))
            }
            textModulation = try Linear(weights["txt_mod"][1], from: width, to: 6 * width)
            imageModulation = try Linear(weights["img_mod"][1], from: width, to: 6 * width)
            block = JointBlock(
                weights, text: try stream(.text, "txt_mlp"), image: try stream(.image, "img_mlp"), heads: heads,
                headWidth: config.attentionHeadDim)
        }

        /// - Parameters:
        ///   - x: text, `[batch, textTokens, width]`
        ///   - y: image, `[batch, tokens, width]`
        ///   - modulation: of this block
        ///   - kinds: of the image's tokens, `[tokens]`; nil for all as the text's
        ///   - rotary: tables for text and image
        ///   - mask: as ``Attention`` takes it
        /// - Returns: both streams, changed
        func callAsFunction(
            text x: Tensor, image y: Tensor, _ modulation: Transformer.BlockModulation, kinds: Tensor?,
            rotary: RotaryEmbedding, mask: Tensor?
        ) throws(TensorError) -> (text: Tensor, image: Tensor) {
            try block(
                text: (x, Modulation.parts(of: modulation.text, count: 2)),
                image: (y, Modulation.parts(of: modulation.image, count: 2, kinds: kinds)), rotary: rotary, mask: mask)
        }

        /// The image's tokens as the attention takes them, `[batch, tokens, width]`.
        func attentionInput(image y: Tensor, _ modulation: Transformer.BlockModulation, kinds: Tensor?)
            throws(TensorError) -> Tensor
        {
            try Modulation.parts(of: modulation.image, count: 2, kinds: kinds)[0].normed(y).tokens()
        }

        /// What embedded timesteps bring to the block.
        ///
        /// - Parameter conditioning: `[rows, 1, width]`
        /// - Returns: for text and image `[rows, 1, 6 · width]`
        func modulation(_ conditioning: Tensor) throws(TensorError) -> Transformer.BlockModulation {
            .init(text: try textModulation(conditioning), image: try imageModulation(conditioning))
        }
    }
}
