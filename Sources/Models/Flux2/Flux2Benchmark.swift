internal import Tensors

extension Flux2 {
    static func benchmarkPrompt(_ image: ImageBenchmark, _ config: TransformerConfig) throws -> Tensor {
        try image.drawn([image.textTokens, config.jointAttentionDim])
    }
}

extension Flux2.TransformerConfig {
    /// Floating point operations of the blocks' products and attention: the last block takes the text's tokens through its
    /// first product alone.
    package func operations(batch: Int, text: Int, image: Int) -> Double {
        let (tokens, width, inner) = (Double(text + image), Double(width), Double(inner))
        let products = 2 * tokens * width * (4 * width + 3 * inner) * Double(numLayers + numSingleLayers)
        let attention = 4 * tokens * tokens * width * Double(numLayers + numSingleLayers)
        let leftOut =
            numSingleLayers > 0 ? Double(text) * (2 * width * (width + inner) + 4 * tokens * width) : 0
        return Double(batch) * (products + attention - leftOut)
    }
}
