package import Tensors

/// A denoiser whose steps can be used again in the next ones.
package protocol CacheableTransformer: DiffusionTransformer {
    /// The lists of blocks that Cache-DiT decides on one by one; one of all blocks unless the model says so.
    var cachedLists: [CachedList] { get }

    /// What tells TeaCache how much a step differs from the one before.
    ///
    /// - Parameters:
    ///   - state: before the first block
    ///   - variant: which of its two ways
    /// - Returns: a tensor whose shape is the same in every step of a request
    func teaCacheSignal(_ state: State, _ variant: TeaCacheVariant) throws(TensorError) -> Tensor
}

extension CacheableTransformer {
    package var cachedLists: [CachedList] { [CachedList(0..<blockCount)] }
}

/// Blocks that follow each other, of which a part may be left out of a step.
package struct CachedList: Sendable, Equatable {
    /// The tokens whose change by the first blocks decides.
    package enum Signal: Sendable {
        /// Those that the prediction is made of; of several predictions, the first.
        case predicted
        /// Those of all streams, as one sequence.
        case all
    }

    package let blocks: Range<Int>
    package let signal: Signal

    package init(_ blocks: Range<Int>, signal: Signal = .predicted) { (self.blocks, self.signal) = (blocks, signal) }
}
