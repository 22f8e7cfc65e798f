internal import Tensors

/// The blocks of a transformer, handed out one at a time, so that not all of them need be on the device at once.
package struct BlockStore<Block> {
    private let blocks: [Block]
    private let offload: OffloadedWeights?
    /// The number of the first block among those that wait in the host's memory.
    private let first: Int

    /// Reads every block.
    ///
    /// - Parameters:
    ///   - count: how many
    ///   - weights: a view of the component
    ///   - runsOnce: whether they run once in a request, and others in every step
    ///   - make: reads one by its number
    /// - Throws: what `make` throws, or ``TensorError``
    package init(_ count: Int, of weights: Weights, runsOnce: Bool = false, _ make: (Int) throws -> Block) throws {
        offload = weights.context.offload
        first = offload?.count ?? 0
        blocks = try (0..<count).map { index in try weights.block(staying: !runsOnce) { try make(index) } }
    }

    package var count: Int { blocks.count }

    /// One block; it may leave the device when another one is asked for.
    package subscript(_ index: Int) -> Block {
        get throws(TensorError) {
            try offload?.use(first + index)
            return blocks[index]
        }
    }
}
