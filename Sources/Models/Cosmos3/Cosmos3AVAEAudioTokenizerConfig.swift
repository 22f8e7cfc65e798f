internal import Diffusion
package import Layers
internal import Tensors

/// `sound_tokenizer/config.json` of a Cosmos3AVAEAudioTokenizer, of which the decoder is read.
// Source: diffusers 0.42.1, models/autoencoders/autoencoder_cosmos3_audio.py.
package struct Cosmos3AVAEAudioTokenizerConfig: ModelConfig {
    package var modelType = "autoencoder_v2"
    package var samplingRate = 48000
    package var vocoderInputDim = 64
    package var decDim = 320
    package var decCMults = [1, 2, 4, 8, 16]
    package var decStrides = [2, 4, 5, 6, 8]
    package var decOutChannels = 2
    package var hopSize: Int?
    package var decType = "oobleck"
    package var decUseSnake = true
    package var decFinalTanh = false
    package var decAntiAliasing = false
    package var decUseNearestUpsample = false
    package var decUseTanhAtFinal = false
    package var bottleneckType = "vae"
    package var activation = "snakebeta"
    package var snakeLogscale = true
    package var antiAliasing = false
    package var latentMean: Double?
    package var latentStd: Double?
    package init() {}

    /// What is the encoder's, which nothing here needs, and how the reference computes.
    package static let ignoredKeys: Set<String> = [
        "stereo", "use_wav_as_input", "normalize_volume", "input_channels", "enc_type", "enc_dim",
        "enc_intermediate_dim", "enc_num_layers", "enc_num_blocks", "enc_n_fft", "enc_hop_length", "enc_latent_dim",
        "enc_c_mults", "enc_strides", "enc_identity_init", "enc_use_snake", "bottleneck", "use_cuda_kernel", "causal",
        "padding_mode", "encoder_enabled",
    ]

    /// Samples of a channel that a latent frame makes.
    package var samplesPerFrame: Int { decStrides.reduce(1, *) }

    /// How many latent frames a sound has.
    ///
    /// - Parameter seconds: how long it is
    /// - Returns: as many as hold all of its samples
    package func frames(seconds: Double) -> Int {
        let (samples, hop) = (min(seconds * Double(samplingRate), 1e12), hopSize ?? samplesPerFrame)
        return (Int(samples) + hop - 1) / hop
    }

    package func validate() throws(ConfigFault) {
        try requirePositive([
            "sampling_rate": samplingRate, "vocoder_input_dim": vocoderInputDim, "dec_dim": decDim,
            "dec_out_channels": decOutChannels, "hop_size": hopSize ?? 1,
        ])
        guard (1...8).contains(decStrides.count), decStrides.allSatisfy({ (1...64).contains($0) }) else {
            throw .value("dec_strides", found: "\(decStrides)")
        }
        guard decCMults.count == decStrides.count, decCMults.allSatisfy({ (1...1024).contains($0) }) else {
            throw .value("dec_c_mults", found: "\(decCMults)")
        }
        guard decOutChannels <= 2 else { throw .value("dec_out_channels", found: "\(decOutChannels)") }
        // The reference takes no other.
        for (key, found, only) in [
            ("model_type", modelType, "autoencoder_v2"), ("dec_type", decType, "oobleck"),
            ("bottleneck_type", bottleneckType, "vae"), ("activation", activation, "snakebeta"),
        ] where found != only { throw .value(key, found: found) }
        for (key, found, only) in [
            ("dec_use_snake", decUseSnake, true), ("dec_final_tanh", decFinalTanh, false),
            ("dec_anti_aliasing", decAntiAliasing, false), ("dec_use_nearest_upsample", decUseNearestUpsample, false),
            ("dec_use_tanh_at_final", decUseTanhAtFinal, false), ("snake_logscale", snakeLogscale, true),
            ("anti_aliasing", antiAliasing, false),
        ] where found != only { throw .value(key, found: "\(found)") }
        for (key, found) in [("latent_mean", latentMean), ("latent_std", latentStd)] {
            if let found { throw .value(key, found: "\(found)") }
        }
    }
}

extension Cosmos3AVAEAudioTokenizerConfig {
    /// Channels before the first level and behind each.
    var channels: [Int] { (decCMults.reversed() + [1]).map { $0 * decDim } }

    /// What decoding holds at once besides weights, in bytes.
    ///
    /// - Parameters:
    ///   - batch: how many sounds
    ///   - frames: latent frames of each
    /// - Returns: an upper estimate
    func decodingBytes(batch: Int, frames: Int) -> MemorySize {
        var (samples, most) = (MemorySize(frames), MemorySize(0))
        for (level, stride) in decStrides.reversed().enumerated() {
            samples = samples * stride
            // A unit's input, two activations with the wave they are made of, and what convolutions lay out.
            most = max(most, samples * max(channels[level + 1], channels[level] / stride) * 8)
        }
        return MemorySize(batch) * most * DType.float32.size
    }
}
