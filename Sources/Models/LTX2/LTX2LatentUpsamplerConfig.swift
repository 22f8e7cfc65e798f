package import Diffusion
package import Layers
package import Tensors

/// `latent_upsampler/config.json` of an LTX2LatentUpsamplerModel.
package struct LTX2LatentUpsamplerConfig: ModelConfig {
    package var inChannels = 128
    package var midChannels = 1024
    package var numBlocksPerStage = 4
    package var dims = 3
    package var spatialUpsample = true
    package var temporalUpsample = false
    package var rationalSpatialScale = 2.0
    package var useRationalResampler = true
    package init() {}

    /// How many groups of channels are normalised.
    static let groups = 32

    /// Whether rows and columns become a ratio of two numbers as many.
    var isRational: Bool { useRationalResampler && spatialUpsample && !temporalUpsample }

    /// How many times more rows and columns there are, and of how many of those one stays.
    var ratio: (numerator: Int, denominator: Int) {
        if !spatialUpsample { return (1, 1) }
        guard isRational else { return (2, 1) }
        switch rationalSpatialScale {
        case 0.75: return (3, 4)
        case 1.5: return (3, 2)
        case 4: return (4, 1)
        default: return (2, 1)
        }
    }

    /// The shape of what comes of latents.
    ///
    /// - Parameter size: frames, height and width of the latents
    /// - Returns: the same of the result
    package func enlarged(_ size: [Int]) -> [Int] {
        let (numerator, denominator) = ratio
        func side(_ length: Int) -> Int { (length * numerator - 1) / denominator + 1 }
        return [temporalUpsample ? 2 * size[0] - 1 : size[0], side(size[1]), side(size[2])]
    }

    package func validate() throws(ConfigFault) {
        try requirePositive(["in_channels": inChannels, "mid_channels": midChannels])
        try requireCounts(["num_blocks_per_stage": numBlocksPerStage])
        try requireMultiple("mid_channels", midChannels, of: "the groups of its norms", Self.groups)
        guard dims == 3 else { throw .value("dims", found: "\(dims)") }
        guard spatialUpsample || temporalUpsample else { throw .value("spatial_upsample", found: "false") }
        if isRational, ![0.75, 1.5, 2, 4].contains(rationalSpatialScale) {
            throw .value("rational_spatial_scale", found: "\(rationalSpatialScale)")
        }
    }

    /// What upsampling holds at once besides weights, in bytes.
    ///
    /// - Parameters:
    ///   - batch: how many videos
    ///   - size: frames, height and width of the latents
    ///   - dtype: what it computes in
    /// - Returns: an upper estimate
    package func bytes(batch: Int, _ size: [Int], dtype: DType) -> MemorySize {
        let large = enlarged(size)
        let (before, after) = (size.reduce(1, *), large.reduce(1, *))
        let shuffled = before * ratio.numerator * ratio.numerator * (temporalUpsample ? 2 : 1)
        // A block's tensors with a frame at either end, or what becomes rows and columns twice.
        let positions = max(7 * (after + 2 * large[1] * large[2]), 3 * shuffled + 2 * before)
        return MemorySize(batch) * positions * midChannels
            * (dtype.mayBeConvertedForProducts ? DType.float32.size : dtype.size)
    }
}
