package import Diffusion
package import Tensors

extension Flux1 {
    package var stepCacheTraits: [StepCacheTraits] {
        let config = parts.transformer.config
        // The guidance embedding is what tells FLUX.1-dev from FLUX.1-schnell.
        let coefficients =
            config.guidanceEmbeds
            ? [4.98651651e2, -2.83781631e2, 5.58554382e1, -3.82021401, 2.64230861e-1] : [1, 0]
        return [
            StepCacheTraits(
                blocks: config.numLayers + config.numSingleLayers, coefficients: TeaCacheCoefficients(coefficients))
        ]
    }
}

extension Flux1.Transformer: CacheableTransformer {
    /// The image's tokens as the first block's attention takes them; both of TeaCache's ways are one.
    package func teaCacheSignal(_ state: State, _ variant: TeaCacheVariant) throws(TensorError) -> Tensor {
        try firstAttentionInput(state).to(.float32)
    }
}
