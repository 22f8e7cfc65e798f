package import Layers
package import Tensors

/// A denoiser whose steps can be used again in the next ones.
package protocol CacheableTransformer: DiffusionTransformer where State: CacheableState {
    /// What tells TeaCache how much a step differs from the one before.
    ///
    /// - Parameters:
    ///   - state: before the first block
    ///   - variant: which of its two ways
    /// - Returns: a tensor whose shape is the same in every step of a request
    /// - Throws: ``TensorError``
    func teaCacheSignal(_ state: State, _ variant: TeaCacheVariant) throws(TensorError) -> Tensor
}

/// A state between two blocks, as a step cache sees it.
package protocol CacheableState {
    /// The tokens that the prediction is made of, then those that only go along with them, each `[batch, tokens, width]`.
    ///
    /// - Throws: ``TensorError``
    func tokenStreams() throws(TensorError) -> [Tensor]

    /// Changes tokens as blocks would.
    ///
    /// - Parameter changes: what is added to each of ``tokenStreams()``; those without one stay as they are
    /// - Throws: ``TensorError``
    mutating func add(_ changes: [Tensor]) throws(TensorError)
}
