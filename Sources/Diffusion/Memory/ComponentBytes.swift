/// What a component's weights take.
package struct ComponentBytes: Sendable, Equatable, Codable {
    /// All of them.
    package let all: Int
    /// Of each block that can wait in the host's memory.
    package let blocks: [Int]

    /// - Parameters:
    ///   - all: bytes of all weights
    ///   - blocks: of them, those of each block that can wait in the host's memory
    package init(_ all: Int, blocks: [Int] = []) { (self.all, self.blocks) = (all, blocks) }

    /// What a device must have at once where blocks take turns: one that is computed, one that is fetched, and what belongs to
    /// no block.
    package var least: Int {
        let (together, turns) = (blocks.map { MemorySize($0) }.sum(), 2 * MemorySize(blocks.max() ?? 0))
        return all - min(all, max(0, together.count - turns.count))
    }
}

extension ComponentBytes: ExpressibleByIntegerLiteral {
    package init(integerLiteral all: Int) { self.init(all) }
}
