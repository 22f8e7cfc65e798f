package import Diffusion
package import Tensors

/// Brings images into the form that Qwen2.5-VL's vision tower takes.
// Source: huggingface/transformers 5.23.0, models/qwen2_vl/image_processing_pil_qwen2_vl.py.
package struct Qwen2VLImageProcessor: Sendable {
    /// What becomes of an image.
    package struct Patches {
        /// `[patches, channels · frames · patchSize²]` in 32-bit floats; the patches of a cell lie together.
        package let values: Tensor
        package let grid: VisionGrid
    }

    package let config: Qwen2VLImageProcessorConfig

    /// - Parameter config: checked, as reading a file does
    package init(_ config: Qwen2VLImageProcessorConfig) { self.config = config }

    /// Resizes, normalises and cuts.
    ///
    /// - Parameters:
    ///   - image: a batch of one
    ///   - size: what ``Qwen2VLImageProcessorConfig/size(width:height:)`` gives for it
    /// - Returns: its patches; a frame stands for each of those of one time step
    package func callAsFunction(_ image: PixelBatch, _ size: OutputSize) throws(TensorError) -> Patches {
        let filter = ResamplingFilter(pillow: config.resample) ?? .bicubic
        let normalised = try ChannelNormalisation(
            factor: config.doRescale ? config.rescaleFactor : nil, mean: config.doNormalize ? config.imageMean : nil,
            deviation: config.doNormalize ? config.imageStd : nil
        )(image.resized(width: size.width, height: size.height, filter: filter))
        let (patch, merge, frames) = (config.patchSize, config.mergeSize, config.temporalPatchSize)
        let grid = VisionGrid(rows: size.height / patch, columns: size.width / patch, merge: merge)
        let values =
            try normalised
            .reshaped(3, grid.rows / merge, merge, patch, grid.columns / merge, merge, patch)
            .permuted(1, 4, 2, 5, 0, 3, 6).reshaped(grid.patches, 3, 1, patch * patch)
            .expanded(-1, -1, frames, -1).reshaped(grid.patches, 3 * frames * patch * patch)
        return Patches(values: values, grid: grid)
    }
}
