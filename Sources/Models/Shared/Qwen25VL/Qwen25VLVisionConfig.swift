package import Diffusion
package import Layers
internal import Tensors

/// `vision_config` in the `config.json` of Qwen2.5-VL.
// Source: huggingface/transformers 5.23.0, models/qwen2_5_vl/configuration_qwen2_5_vl.py.
package struct Qwen25VLVisionConfig: TransformersConfig {
    package var depth = 32
    package var hiddenSize = 3584
    package var hiddenAct = Activation.silu
    package var intermediateSize = 3420
    package var numHeads = 16
    package var inChannels = 3
    package var patchSize = 14
    package var spatialMergeSize = 2
    package var temporalPatchSize = 2
    package var windowSize = 112
    package var outHiddenSize = 3584
    package var fullattBlockIndexes = [7, 15, 23, 31]
    package var ropeParameters: RopeParameters?
    package init() {}

    /// The reference's class does not read them: older spellings, and what only videos need.
    package static var idleKeys: Set<String> { ["in_chans", "spatial_patch_size", "tokens_per_second"] }

    /// Numbers of a head.
    var headWidth: Int { hiddenSize / max(numHeads, 1) }
    /// Numbers of a patch: every channel of its pixels, in each of the frames of one time step.
    package var patchWidth: Int { inChannels * temporalPatchSize * patchSize * patchSize }
    /// A window's side, in cells.
    var windowSide: Int { windowSize / max(spatialMergeSize * patchSize, 1) }

    /// How many numbers the weights have.
    package var parameterCount: MemorySize {
        let (width, inner) = (MemorySize(hiddenSize), MemorySize(intermediateSize))
        let cell = MemorySize(spatialMergeSize * spatialMergeSize) * width
        let block = 4 * width * width + 3 * width * inner + 7 * width + 2 * inner
        let merger = width + cell * cell + cell + cell * outHiddenSize + outHiddenSize
        return MemorySize(patchWidth) * width + MemorySize(depth) * block + merger
    }

    /// What looking at one image holds at once besides weights, in bytes; all of it is in 32-bit floats.
    ///
    /// - Parameter patches: of the image
    /// - Returns: an upper estimate
    package func activationBytes(patches: Int) -> MemorySize {
        let (width, inner) = (MemorySize(hiddenSize), MemorySize(intermediateSize))
        let widest = max(12 * width, 3 * inner + 2 * width)
        return MemorySize(patches) * (3 * width + 2 * MemorySize(patchWidth) + widest) * DType.float32.size
    }

    package func validate() throws(ConfigFault) {
        try requirePositive([
            "hidden_size": hiddenSize, "intermediate_size": intermediateSize, "num_heads": numHeads,
            "in_channels": inChannels, "patch_size": patchSize, "spatial_merge_size": spatialMergeSize,
            "temporal_patch_size": temporalPatchSize, "out_hidden_size": outHiddenSize,
        ])
        try requireCounts(["depth": depth])
        try requireMultiple("hidden_size", hiddenSize, of: "num_heads", numHeads)
        // Half of a head's pairs turn with the row, half with the column.
        try requireMultiple("hidden_size over num_heads", headWidth, of: "two pairs,", 4)
        guard inChannels == 3 else { throw .value("in_channels", found: "\(inChannels)") }
        guard patchSize <= 1024, spatialMergeSize <= 64, temporalPatchSize <= 64 else {
            throw .value("patch_size", found: "\(patchSize)")
        }
        guard windowSide >= 1 else { throw .value("window_size", found: "\(windowSize)") }
        guard ropeParameters?.ropeType ?? "axial" == "axial" else {
            throw .unsupported("the positions \(ropeParameters?.ropeType ?? "") in rope_parameters")
        }
        guard (1...1e12).contains(ropeParameters?.ropeTheta ?? 10_000) else {
            throw .value("rope_parameters", found: "\(ropeParameters?.ropeTheta ?? 0)")
        }
    }
}
