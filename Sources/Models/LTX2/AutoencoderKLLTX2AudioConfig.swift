package import Diffusion
package import Layers
package import Tensors

/// `audio_vae/config.json` of an AutoencoderKLLTX2Audio.
package struct AutoencoderKLLTX2AudioConfig: ModelConfig {
    /// By what positions are normalised.
    package enum Norm: String, Codable, Sendable { case pixel }
    /// The axis along which a position depends on those before it alone; of spectrograms height is time.
    package enum CausalityAxis: String, Codable, Sendable { case height }

    package var baseChannels = 128
    package var outputChannels = 2
    package var chMult = [1, 2, 4]
    package var numResBlocks = 2
    package var attnResolutions: [Int]?
    package var inChannels = 2
    package var latentChannels = 8
    package var normType = Norm.pixel
    package var causalityAxis = CausalityAxis.height
    package var midBlockAddAttention = false
    package var sampleRate = 16000
    package var melHopLength = 160
    package var isCausal = true
    package var melBins: Int? = 64
    package var doubleZ = true
    package init() {}

    /// What is known of the sizes of images is of no use here.
    package static var ignoredKeys: Set<String> { ["resolution"] }

    /// How many frames of a spectrogram a latent frame stands for, and how many of its bins: the reference has it so, whatever
    /// the levels.
    package static let scaleFactor = 4

    /// How many frames of a spectrogram are decoded.
    ///
    /// - Parameter latents: latent frames, at least 1
    /// - Returns: frames
    package func frames(latents: Int) -> Int { latents * Self.scaleFactor - (Self.scaleFactor - 1) }

    /// How many bins a latent frame has.
    package var latentBins: Int { baseChannels / latentChannels }

    /// Latents with a token for every frame.
    ///
    /// - Parameter latents: `[batch, latentChannels, latentFrames, latentBins]`
    /// - Returns: `[batch, latentFrames, latentChannels · latentBins]`
    package func tokens(of latents: Tensor) throws(TensorError) -> Tensor {
        try latents.permuted(0, 2, 1, 3).reshaped(latents.size(0), latents.size(2), -1)
    }

    /// The inverse of ``tokens(of:)``.
    ///
    /// - Parameter tokens: `[batch, latentFrames, latentChannels · latentBins]`
    /// - Returns: `[batch, latentChannels, latentFrames, latentBins]`
    package func latents(of tokens: Tensor) throws(TensorError) -> Tensor {
        try tokens.reshaped(tokens.size(0), tokens.size(1), latentChannels, -1).permuted(0, 2, 1, 3)
    }

    /// How many latent frames a second has.
    package var latentFramesPerSecond: Double {
        Double(sampleRate) / Double(melHopLength) / Double(Self.scaleFactor)
    }

    package func validate() throws(ConfigFault) {
        try requirePositive([
            "base_channels": baseChannels, "output_channels": outputChannels, "in_channels": inChannels,
            "latent_channels": latentChannels, "sample_rate": sampleRate, "mel_hop_length": melHopLength,
            "mel_bins": melBins ?? 1,
        ])
        try requireCounts(["num_res_blocks": numResBlocks])
        guard (1...8).contains(chMult.count) else { throw .value("ch_mult", found: "\(chMult)") }
        for factor in chMult { try requirePositive(["ch_mult": factor]) }
        try requireMultiple("base_channels", baseChannels, of: "latent_channels", latentChannels)
        guard attnResolutions?.isEmpty ?? true else {
            throw .value("attn_resolutions", found: "\(attnResolutions ?? [])")
        }
        if midBlockAddAttention { throw .value("mid_block_add_attention", found: "true") }
        if !isCausal { throw .value("is_causal", found: "false") }
        if !doubleZ { throw .value("double_z", found: "false") }
    }

    /// The channels of every level, the finest first.
    var channels: [Int] { chMult.map { baseChannels * $0 } }

    /// What decoding holds at once besides weights, in bytes.
    ///
    /// - Parameters:
    ///   - batch: how many sounds
    ///   - latentFrames: of each
    ///   - dtype: what the decoder computes in
    /// - Returns: an upper estimate
    package func decodingBytes(batch: Int, latentFrames: Int, dtype: DType) -> MemorySize {
        // A block's input, what stands between its convolutions, and copies for norms and windows.
        let levels = channels.indices.map { level in
            let scale = 1 << (2 * (channels.count - 1 - level))
            return 7 * scale * max(channels[level], channels[min(level + 1, channels.count - 1)])
        }
        let positions = MemorySize(batch) * (latentFrames + 1) * max(latentBins, 1)
        return positions * (levels.max() ?? 0) * max(dtype.size, DType.float32.size)
    }
}
