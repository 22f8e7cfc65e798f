internal import Tensors

extension QwenImage {
    static func benchmarkPrompt(_ image: ImageBenchmark, _ config: TransformerConfig) throws
        -> QwenImageTextEncoder.Prompt
    {
        .init(states: try image.drawn([image.textTokens, config.jointAttentionDim]), mask: nil)
    }
}

extension QwenImage.TransformerConfig {
    /// Floating point operations of the blocks' products and attention.
    package func operations(batch: Int, text: Int, image: Int) -> Double {
        let (tokens, width) = (Double(text + image), Double(width))
        return Double(batch * numLayers) * (24 * tokens * width * width + 4 * tokens * tokens * width)
    }
}
