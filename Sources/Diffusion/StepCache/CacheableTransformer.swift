package import Tensors

/// A denoiser whose steps can be used again in the next ones.
package protocol CacheableTransformer: DiffusionTransformer {
    /// What tells TeaCache how much a step differs from the one before.
    ///
    /// - Parameters:
    ///   - state: before the first block
    ///   - variant: which of its two ways
    /// - Returns: a tensor whose shape is the same in every step of a request
    func teaCacheSignal(_ state: State, _ variant: TeaCacheVariant) throws(TensorError) -> Tensor
}
