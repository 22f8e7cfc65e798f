internal import Tensors

extension Flux1 {
    static var benchmarkConfig: [String: Int] { ["guidance_embeds": 1] }

    static func benchmarkPrompt(_ image: ImageBenchmark, _ config: TransformerConfig) throws -> Flux1TextEncoders.Prompt
    {
        try Flux1TextEncoders.Prompt(
            prompt: image.drawn([image.textTokens, config.jointAttentionDim]),
            pooled: image.drawn([config.pooledProjectionDim]))
    }
}

extension Flux1.TransformerConfig {
    /// Floating point operations of the blocks' products and attention: of the text's tokens, the last block takes nothing
    /// but keys and values.
    package func operations(batch: Int, text: Int, image: Int) -> Double {
        let tokens = Double(text + image)
        let area = Double(width * width)
        let products = 2 * tokens * area * (12 * Double(numLayers) + 12 * Double(numSingleLayers))
        let attention = 4 * tokens * tokens * Double(width) * Double(numLayers + numSingleLayers)
        let leftOut = numSingleLayers > 0 ? Double(text) * (2 * area * 10 + 4 * tokens * Double(width)) : 0
        return Double(batch) * (products + attention - leftOut)
    }
}
