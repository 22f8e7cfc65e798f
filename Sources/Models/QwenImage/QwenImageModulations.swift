internal import Diffusion
internal import Layers
internal import Tensors

extension QwenImage.Transformer {
    /// What the timesteps of a request bring to the blocks.
    ///
    /// The layers that modulate the blocks are a third of the weights and read nothing but the timestep. As a request's
    /// timesteps are known, the rows of many are made at once, and those weights are read once instead of in every step.
    package final class Modulations {
        private let timesteps: [Float]
        private var table: ModulationTable?
        /// As many steps' rows are made at once.
        private static let stepsAtOnce = 32

        /// - Parameter timesteps: of the steps, in their order, each from 0 to 1
        package init(of timesteps: [Float]) { self.timesteps = timesteps }

        /// What the rows take in memory at most, in bytes.
        static func bytes(of config: QwenImage.TransformerConfig, _ dtype: DType) -> MemorySize {
            MemorySize(stepsAtOnce) * config.numLayers * 12 * config.width * dtype.size
        }

        /// - Parameters:
        ///   - timestep: from 0 to 1
        ///   - make: makes the rows of some timesteps
        func table(_ timestep: Float, make: ([Float]) throws(TensorError) -> ModulationTable) throws(TensorError)
            -> ModulationTable
        {
            if let table, table.timesteps.contains(timestep) { return table }
            let start = timesteps.firstIndex(of: timestep)
            let made = try make(start.map { Array(timesteps[$0...].prefix(Self.stepsAtOnce)) } ?? [timestep])
            table = made
            return made
        }
    }

    /// The rows of some timesteps.
    struct ModulationTable {
        let timesteps: [Float]
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

extension QwenImage.Transformer.ModulationTable {
    /// One step's, for a batch.
    ///
    /// - Parameters:
    ///   - timestep: one of the table's
    ///   - batch: how many outputs
    ///   - hasKinds: whether the image has tokens that are free of noise
    func step(_ timestep: Float, batch: Int, hasKinds: Bool) throws(TensorError) -> (
        conditioning: Tensor, blocks: [QwenImage.Transformer.BlockModulation]
    ) {
        let row = timesteps.firstIndex(of: timestep) ?? 0
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
