package import Diffusion
package import Tensors

extension LTX2.Transformer: CacheableTransformer {
    /// The embedded noise level: TensorRT-LLM's choice, whose coefficients a user must give.
    package func teaCacheSignal(_ state: State, _ variant: TeaCacheVariant) -> Tensor { state.videoTime }
}
