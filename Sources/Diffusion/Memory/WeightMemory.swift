package import Layers
internal import Tensors

/// What a component's weights take in memory, in bytes.
package struct WeightMemory: Sendable, Equatable, Codable {
    /// Of the weights, and of what merging LoRA files into them takes besides.
    package let bytes: Int
    /// Of each block that can wait in the host's memory.
    package let blocks: [Int]
    /// Of the copies that products make of them while the component computes.
    package let copies: Int

    /// - Parameters:
    ///   - bytes: of the weights
    ///   - blocks: of each block that can wait in the host's memory
    ///   - copies: of the copies that products make of them
    package init(bytes: Int, blocks: [Int] = [], copies: Int = 0) {
        (self.bytes, self.blocks, self.copies) = (bytes, blocks, copies)
    }

    /// What a device must have at once where blocks take turns: one that is computed, one that is fetched, and what belongs to
    /// no block.
    package var least: Int {
        let (together, turns) = (blocks.map { MemorySize($0) }.sum(), 2 * MemorySize(blocks.max() ?? 0))
        return bytes - min(bytes, max(0, together.count - turns.count))
    }

    /// What products take for copies of weights: on a CPU that cannot multiply them as they are, of some rows of one layer at a
    /// time, and as much that was freed and is kept for the next.
    ///
    /// - Parameters:
    ///   - layers: those with weights
    ///   - quantized: the keys of the weights in few bits
    ///   - parts: what a device has of the weights that several share, by key
    ///   - plan: the component's
    /// - Returns: no more than twice the largest weight; none on a GPU, nor of 32-bit weights
    package static func copies(
        of layers: [LinearSite], quantized: Set<String> = [], parts: [String: LinearPart] = [:], _ plan: ComputePlan
    ) -> Int {
        guard plan.device == .cpu else { return 0 }
        let largest = layers.map { layer in
            let part = parts[layer.weightKey]
            return plan.dtype.weightCopyBytes(
                outputs: part?.outputs?.count ?? layer.to, inputs: part?.inputs?.count ?? layer.from,
                isQuantized: quantized.contains(layer.weightKey))
        }
        return 2 * (largest.max() ?? 0)
    }
}
