internal import Diffusion
internal import Layers
internal import Tensors

extension Flux1.Transformer {
    /// What the timesteps of a request, with its guidance and pooled prompts, bring to the blocks.
    package typealias Modulations = StepRows<ModulationTable>

    /// The rows of some timesteps.
    package struct ModulationTable {
        /// SiLU of the embedded timesteps, guidance and pooled prompts, `[steps · batch, 1, width]`.
        let conditioning: Tensor
        /// What shifts, scales and gates all blocks, one after the other, `[steps · batch, 1, numbers]`.
        let blocks: Tensor

        /// One step's rows, `[batch, width]` and `[batch, numbers]`.
        ///
        /// - Parameters:
        ///   - step: its place among the table's timesteps
        ///   - batch: how many outputs
        func step(_ step: Int, batch: Int) throws(TensorError) -> (conditioning: Tensor, blocks: Tensor) {
            func rows(_ tensor: Tensor) throws(TensorError) -> Tensor {
                try tensor.slice(step * batch..<(step + 1) * batch, axis: 0).select(0, axis: 1)
            }
            return (try rows(conditioning), try rows(blocks))
        }
    }
}

extension Flux1.TransformerConfig {
    /// The numbers of a double block's text and image, and of a single block.
    private var numbersOfBlocks: (double: Int, single: Int) { (12 * width, 3 * width) }

    /// What a block reads of all blocks' numbers.
    ///
    /// - Parameters:
    ///   - index: the block's
    ///   - row: `[batch, numbers]`
    func modulation(ofBlock index: Int, _ row: Tensor) throws(TensorError) -> Tensor {
        let (double, single) = numbersOfBlocks
        let start = min(index, numLayers) * double + max(index - numLayers, 0) * single
        return try row.slice(start..<start + (index < numLayers ? double : single), axis: 1)
    }

    /// What the rows of a step take in memory for each output, in bytes.
    func modulationBytes(_ dtype: DType) -> MemorySize {
        MemorySize(numLayers * numbersOfBlocks.double + numSingleLayers * numbersOfBlocks.single) * dtype.size
    }
}
