internal import Diffusion
internal import Layers
package import Tensors

extension Flux1.Transformer {
    /// What the timesteps of a request, with its guidance and pooled prompts, bring to the blocks.
    package typealias Modulations = StepRows<ModulationTable>

    /// The rows of some timesteps.
    package struct ModulationTable {
        /// SiLU of the embedded timesteps, guidance and pooled prompts, `[steps · batch, 1, width]`.
        let conditioning: Tensor
        /// Of each block.
        let blocks: [BlockModulation]
    }

    /// What shifts, scales and gates a block: text and image, each `[rows, 1, 6 · width]`, or both in one sequence, `[rows, 1,
    /// 3 · width]`.
    typealias BlockModulation = [Tensor]
}

extension Flux1.Transformer.ModulationTable {
    /// One step's, without the axis of length 1.
    ///
    /// - Parameters:
    ///   - step: its place among the table's timesteps
    ///   - batch: how many outputs
    func step(_ step: Int, batch: Int) throws(TensorError) -> (
        conditioning: Tensor, blocks: [Flux1.Transformer.BlockModulation]
    ) {
        func rows(_ tensor: Tensor) throws(TensorError) -> Tensor {
            try tensor.slice(step * batch..<(step + 1) * batch, axis: 0).select(0, axis: 1)
        }
        return (
            try rows(conditioning),
            try blocks.map { block throws(TensorError) in
                try block.map { tensor throws(TensorError) in try rows(tensor) }
            }
        )
    }
}

extension Flux1.TransformerConfig {
    /// What the rows of a step take in memory for each output, in bytes.
    func modulationBytes(_ dtype: DType) -> MemorySize {
        MemorySize(12 * numLayers + 3 * numSingleLayers) * width * dtype.size
    }
}
