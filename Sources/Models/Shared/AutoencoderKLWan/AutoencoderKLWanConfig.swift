internal import Diffusion
package import Layers

/// `vae/config.json` of an AutoencoderKLWan.
package struct AutoencoderKLWanConfig: ModelConfig {
    package var baseDim = 96
    package var decoderBaseDim: Int?
    package var zDim = 16
    package var dimMult = [1, 2, 4, 4]
    package var numResBlocks = 2
    package var attnScales: [Double] = []
    package var temperalDownsample = [false, true, true]
    package var dropout = 0.0
    package var latentsMean = [
        -0.7571, -0.7089, -0.9113, 0.1075, -0.1745, 0.9653, -0.1517, 1.5508, 0.4134, -0.0715, 0.5517, -0.3632, -0.1922,
        -0.9497, 0.2503, -0.2921,
    ]
    package var latentsStd = [
        2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708, 2.6052, 2.0743, 3.2687, 2.1526, 2.8652, 1.5579, 1.6382, 1.1253,
        2.8251, 1.916,
    ]
    package var isResidual = false
    package var inChannels = 3
    package var outChannels = 3
    /// What AutoencoderKLQwenImage calls ``inChannels``, and ``outChannels`` too.
    package var inputChannels: Int?
    package var patchSize: Int?
    package var scaleFactorTemporal: Int? = 4
    package var scaleFactorSpatial: Int? = 8
    package init() {}

    /// The reference clamps its images whatever this says.
    package static var ignoredKeys: Set<String> { ["clip_output"] }

    /// How many pixels of a row make one of the network's: 1 if it sees the image as it is.
    var patch: Int { patchSize ?? 1 }

    /// How many positions the levels make of a latent in each direction.
    var enlargement: Int { 1 << (dimMult.count - 1) }

    /// How many pixels a latent stands for in each direction.
    package var scaleFactor: Int { patch * enlargement }

    /// How many frames a latent frame but the first stands for.
    package var temporalFactor: Int { 1 << temperalDownsample.count { $0 } }

    /// How many frames a number of latent frames stands for.
    ///
    /// - Parameter latents: frames of the latents, at least 1
    /// - Returns: frames of the video
    package func frames(latents: Int) -> Int { (latents - 1) * temporalFactor + 1 }

    /// How many latent frames a video has; frames that do not fill one are left out.
    ///
    /// - Parameter frames: frames of the video, at least 1
    /// - Returns: frames of the latents
    package func latentFrames(_ frames: Int) -> Int { (frames - 1) / temporalFactor + 1 }

    /// The frames that a request gets: a whole number of latent frames, as diffusers rounds it.
    func whole(frames: Int) -> Int {
        if frames % temporalFactor == 1 || temporalFactor == 1 { return frames }
        return frames / temporalFactor * temporalFactor + 1
    }

    /// The latents of a video: how many frames, and how many from top to bottom and from left to right.
    ///
    /// - Parameter size: of the video
    /// - Returns: three numbers
    func latentSize(_ size: OutputSize) -> [Int] {
        [latentFrames(size.frames ?? 1), size.height / scaleFactor, size.width / scaleFactor]
    }

    package func validate() throws(ConfigFault) {
        try requirePositive([
            "base_dim": baseDim, "decoder_base_dim": decoderBaseDim ?? 1, "z_dim": zDim,
            "num_res_blocks": numResBlocks, "in_channels": inChannels, "out_channels": outChannels,
            "patch_size": patch,
        ])
        try requireCounts(["num_res_blocks": numResBlocks, "patch_size": patch])
        if let inputChannels, inputChannels != inChannels { throw .value("input_channels", found: "\(inputChannels)") }
        guard (1...8).contains(dimMult.count) else { throw .value("dim_mult", found: "\(dimMult)") }
        for factor in dimMult { try requirePositive(["dim_mult": factor]) }
        // The reference cannot run a model with attention outside the middle.
        guard attnScales.isEmpty else { throw .value("attn_scales", found: "\(attnScales)") }
        // Frames are taken four at a time, so that a third halving would find an odd one.
        guard temperalDownsample.count == dimMult.count - 1, temporalFactor <= 4 else {
            throw .value("temperal_downsample", found: "\(temperalDownsample)")
        }
        for (key, numbers) in [("latents_mean", latentsMean), ("latents_std", latentsStd)]
        where numbers.count != zDim || !numbers.allSatisfy(\.isFinite) {
            throw .value(key, found: "\(numbers.count) numbers for \(zDim) channels")
        }
        guard !latentsStd.contains(0) else { throw .value("latents_std", found: "0") }
        try require("scale_factor_spatial", scaleFactorSpatial, scaleFactor)
        try require("scale_factor_temporal", scaleFactorTemporal, temporalFactor)
        try requireMultiple("in_channels", inChannels, of: "patch_size squared", patch * patch)
        try requireMultiple("out_channels", outChannels, of: "patch_size squared", patch * patch)
        if isResidual { try requireShortcuts() } else { try requireHalves() }
    }

    /// A factor that contradicts the levels would give images of another size than the pipeline expects.
    private func require(_ key: String, _ value: Int?, _ expected: Int) throws(ConfigFault) {
        if let value, value != expected { throw .value(key, found: "\(value), but its levels scale by \(expected)") }
    }

    /// Every upsampling but that of residual levels halves the channels.
    private func requireHalves() throws(ConfigFault) {
        for factor in dimMult.dropFirst() {
            try requireMultiple("decoder_base_dim", (decoderBaseDim ?? baseDim) * factor, of: "its halves", 2)
        }
    }

    /// Shortcuts share out channels evenly.
    private func requireShortcuts() throws(ConfigFault) {
        let (down, up) = (encoderChannels, decoderChannels)
        for level in dimMult.indices {
            let scale = level == dimMult.count - 1 ? 1 : 4
            let factor = level == dimMult.count - 1 ? 1 : temperalDownsample[level] ? 8 : 4
            try requireMultiple("dim_mult", down[level] * factor, of: "the next level", down[level + 1])
            let mirrored = dimMult.count - 2 - level
            guard scale > 1 else { continue }
            let rise = temperalDownsample[mirrored] ? 8 : 4
            try requireMultiple("dim_mult", up[level + 1] * rise, of: "the level before", up[level])
        }
    }
}

extension AutoencoderKLWanConfig {
    /// The encoder's channels before its first level and after each.
    var encoderChannels: [Int] { [baseDim] + dimMult.map { baseDim * $0 } }

    /// What the decoder's middle sees of a picture, and each of its levels.
    var decodingStages: [DecodingStage] {
        DecodingStage.ofLevels(dimMult.count, blocks: numResBlocks + 1, scale: enlargement)
    }

    /// The decoder's channels before its first level and after each, not counting that upsampling may halve them.
    var decoderChannels: [Int] {
        let factors = [dimMult[dimMult.count - 1]] + dimMult.reversed()
        return factors.map { (decoderBaseDim ?? baseDim) * $0 }
    }
}
