/// The blocks of a transformer, handed out one at a time, so that not all of them need be on the device at once.
package struct BlockStore<Block> {
    private let blocks: [Block]

    /// Reads every block.
    ///
    /// - Parameters:
    ///   - count: how many
    ///   - make: reads one by its number
    /// - Throws: what `make` throws
    package init(_ count: Int, _ make: (Int) throws -> Block) rethrows { blocks = try (0..<count).map(make) }

    package var count: Int { blocks.count }

    /// One block; it may leave the device as soon as it is no longer held.
    package subscript(_ index: Int) -> Block { blocks[index] }
}
