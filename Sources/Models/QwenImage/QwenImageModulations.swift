internal import Diffusion
internal import Layers
internal import Tensors

extension QwenImage.Transformer {
    /// What the timesteps of a request bring to the blocks.
    package typealias Modulations = StepRows<ModulationTable>

    /// The rows of some timesteps.
    package struct ModulationTable {
        /// SiLU of the embedded timesteps, `[rows, 1, width]`; the last row is that of time 0, if reference images have it.
        let conditioning: Tensor
        /// Of each block, `[rows, 1, 6 · width]`.
        let blocks: [BlockModulation]
    }

    /// What shifts, scales and gates a block.
    struct BlockModulation {
        /// `[batch, 6 · width]`.
        var text: Tensor
        /// `[batch, 6 · width]`, or `[batch, 2, 6 · width]` if there are tokens of two kinds.
        var image: Tensor
    }
}

extension QwenImage.TransformerConfig {
    /// What the rows of a step take in memory, in bytes.
    func modulationBytes(_ dtype: DType) -> MemorySize { MemorySize(numLayers) * 12 * width * dtype.size }
}

extension QwenImage.Transformer.ModulationTable {
    /// One step's, for a batch.
    ///
    /// - Parameters:
    ///   - row: its place among the table's timesteps
    ///   - batch: how many outputs
    ///   - hasKinds: whether the image has tokens that are free of noise
    func step(_ row: Int, batch: Int, hasKinds: Bool) throws(TensorError) -> (
        conditioning: Tensor, blocks: [QwenImage.Transformer.BlockModulation]
    ) {
        func line(_ tensor: Tensor, _ row: Int) throws(TensorError) -> Tensor {
            try tensor.slice(row..<row + 1, axis: 0)
        }
        func vector(_ tensor: Tensor) throws(TensorError) -> Tensor {
            try line(tensor, row).reshaped(1, -1).expanded(batch, -1)
        }
        var made: [QwenImage.Transformer.BlockModulation] = []
        for block in blocks {
            guard hasKinds else {
                made.append(.init(text: try vector(block.text), image: try vector(block.image)))
                continue
            }
            let both = try concatenate([line(block.image, row), line(block.image, block.image.size(0) - 1)], axis: 1)
            made.append(.init(text: try vector(block.text), image: try both.expanded(batch, -1, -1)))
        }
        return (try vector(conditioning), made)
    }
}
