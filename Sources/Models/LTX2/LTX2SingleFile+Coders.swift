internal import Files
internal import Layers

extension LTX2.SingleFile.Header {
    /// - Returns: the video's autoencoder, and how many times its encoder makes frames smaller
    static func vae(_ header: ConfigValues) throws(ConfigFault) -> (Component, levels: Int) {
        try header.require("_class_name", "CausalVideoAutoencoder")
        try header.require("dims", 3)
        try header.require("norm_layer", "pixel_norm")
        try header.require("latent_log_var", "uniform")
        let latents = try header.count("latent_channels", or: 128)
        try header.require("encoder_base_channels", latents)
        let encoder = try Levels(header, "encoder_blocks", from: latents, suffix: "_res", multiplier: 2)
        let decoder = try Levels(
            header, "decoder_blocks", from: header.count("decoder_base_channels", or: 128), suffix: "", multiplier: 1)
        let patch = try header.count("patch_size", or: 4)
        // One for both, or one each.
        let padding: (encoder: String, decoder: String) = (
            try header.value("encoder_spatial_padding_mode", or: header.value("spatial_padding_mode", or: "zeros")),
            try header.value("decoder_spatial_padding_mode", or: header.value("spatial_padding_mode", or: "reflect"))
        )
        let counts: [String: Any] = [
            "in_channels": try header.count("in_channels", or: 3),
            "out_channels": try header.count("out_channels", or: 3),
            "latent_channels": latents, "patch_size": patch, "block_out_channels": encoder.channels,
            "layers_per_block": encoder.layers, "decoder_block_out_channels": decoder.channels,
            "decoder_layers_per_block": decoder.layers, "upsample_factor": decoder.factors,
            "spatial_compression_ratio": encoder.kinds.reduce(patch) { $1 == "temporal" ? $0 : 2 * $0 },
            "temporal_compression_ratio": encoder.kinds.reduce(1) { $1 == "spatial" ? $0 : 2 * $0 },
        ]
        let kinds: [String: [String]] = [
            "down_block_types": encoder.kinds.map { _ in "LTX2VideoDownBlock3D" }, "downsample_type": encoder.kinds,
            // This list alone begins with the smallest frames.
            "upsample_type": decoder.kinds.reversed(),
        ]
        let flags: [String: Any] = [
            "spatio_temporal_scaling": encoder.kinds.map { _ in true },
            "decoder_spatio_temporal_scaling": decoder.kinds.map { _ in true },
            "decoder_inject_noise": decoder.injectsNoise, "upsample_residual": decoder.isResidual,
            "timestep_conditioning": try header.value("timestep_conditioning", or: true),
            "encoder_causal": true, "decoder_causal": try header.value("causal_decoder", or: false),
        ]
        let others: [String: Any] = [
            "scaling_factor": try header.value("scaling_factor", or: 1.0),
            "encoder_spatial_padding_mode": padding.encoder,
            "decoder_spatial_padding_mode": padding.decoder,
        ]
        return (("AutoencoderKLLTX2Video", joined(counts, kinds, flags, others)), encoder.kinds.count)
    }

    /// Blocks in a list with what is between them, from large frames to small ones.
    private struct Levels {
        /// Behind each change of size.
        private(set) var channels: [Int] = []
        private(set) var kinds: [String] = []
        private(set) var factors: [Int] = []
        private(set) var isResidual: [Bool] = []
        /// Of each block.
        private(set) var layers: [Int] = []
        private(set) var injectsNoise: [Bool] = []

        /// - Parameters:
        ///   - header: the autoencoder's part of the header
        ///   - key: of the list
        ///   - base: channels before the first change
        ///   - suffix: what the names of changes end with
        ///   - multiplier: by how much channels become more where it is not said
        init(_ header: ConfigValues, _ key: String, from base: Int, suffix: String, multiplier: Int) throws(ConfigFault)
        {
            let names = [
                "compress_space\(suffix)": "spatial", "compress_time\(suffix)": "temporal",
                "compress_all\(suffix)": "spatiotemporal",
            ]
            let blocks = try header.named(key)
            guard blocks.count < 20 else { throw header.fault(key, "\(blocks.count) blocks") }
            var width = base
            for (index, (name, values)) in blocks.enumerated() {
                if index.isMultiple(of: 2) {
                    guard name == "res_x" else { throw header.fault("\(key)[\(index)]", name.quoted) }
                    layers.append(try values.count("num_layers"))
                    injectsNoise.append(try values.value("inject_noise", or: false))
                } else {
                    guard let kind = names[name] else { throw header.fault("\(key)[\(index)]", name.quoted) }
                    let factor = try values.count("multiplier", or: multiplier)
                    width *= factor
                    guard width <= ConfigValues.countLimit else { throw header.fault(key, "\(width) channels") }
                    kinds.append(kind)
                    factors.append(factor)
                    channels.append(width)
                    isResidual.append(try values.value("residual", or: false))
                }
            }
            guard blocks.count % 2 == 1 else { throw header.fault(key, "\(blocks.count) blocks") }
        }
    }

    /// - Returns: the sound's autoencoder, and how many bins its spectrograms have
    static func audioVAE(_ header: ConfigValues) throws(ConfigFault) -> (Component, bins: Int) {
        let (parameters, preprocessing) = (
            try header.object("model").object("params"), try header.object("preprocessing")
        )
        let (coder, spectrum) = (try parameters.object("ddconfig"), try preprocessing.object("stft"))
        let mel = try preprocessing.object("mel")
        let bins = try coder.count("mel_bins", or: mel.count("n_mel_channels", or: 64))
        // What makes spectrograms of sounds, which no request brings.
        preprocessing.pass("audio")
        mel.pass("mel_fmin", "mel_fmax")
        spectrum.pass("filter_length", "win_length")
        coder.pass("dropout", "resolution")
        let resolutions: [Int] = try coder.value("attn_resolutions", or: [])
        let counts: [String: Any] = [
            "base_channels": try coder.count("ch", or: 128), "output_channels": try coder.count("out_ch", or: 2),
            "ch_mult": try coder.value("ch_mult", or: [1, 2, 4]), "in_channels": try coder.count("in_channels", or: 2),
            "num_res_blocks": try coder.count("num_res_blocks", or: 2),
            "latent_channels": try coder.count("z_channels", or: 8), "mel_bins": bins,
            "mel_hop_length": try spectrum.count("hop_length", or: 160),
            "sample_rate": try parameters.count("sampling_rate", or: 16000),
        ]
        let others: [String: Any] = [
            "norm_type": try coder.value("norm_type", or: "pixel"),
            "causality_axis": try coder.value("causality_axis", or: "height"),
            "mid_block_add_attention": try coder.value("mid_block_add_attention", or: true),
            "double_z": try coder.value("double_z", or: true), "is_causal": try spectrum.value("causal", or: true),
        ]
        let attention: [String: Any] = resolutions.isEmpty ? [:] : ["attn_resolutions": resolutions]
        return (("AutoencoderKLLTX2Audio", joined(counts, others, attention)), bins)
    }

    /// - Parameters:
    ///   - header: the vocoder's part of the header: of one net, or of two
    ///   - bins: of the spectrograms
    static func vocoder(_ header: ConfigValues, bins: Int) throws(ConfigFault) -> Component {
        guard header.has("bwe") else {
            try header.require("resblock", "1")
            // Such blocks have but one.
            header.pass("activation")
            let limit: Bool = try header.value("use_tanh_at_final", or: true)
            let net = try net(header, bins: bins)
            return (
                "LTX2Vocoder",
                joined(
                    net,
                    [
                        "final_act_fn": limit ? "tanh" : "clamp",
                        "final_bias": try header.value("use_bias_at_final", or: true),
                        "output_sampling_rate": try header.count("output_sampling_rate", or: 24000),
                    ])
            )
        }
        let (first, extender) = (try header.object("vocoder"), try header.object("bwe"))
        try extender.require("apply_final_activation", false)
        let bands = try extender.count("num_mels")
        let window = try extender.count("n_fft")
        let ends: [String: Any] = [
            "input_sampling_rate": try extender.count("input_sampling_rate"),
            "output_sampling_rate": try extender.count("output_sampling_rate"),
            "hop_length": try extender.count("hop_length"), "filter_length": window,
            "window_length": try extender.count("win_size", or: window), "num_mel_channels": bands,
        ]
        let nets = [
            try filteredNet(first, bins: bins),
            try filteredNet(extender, bins: bands).reduce(into: [:]) { $0["bwe_\($1.key)"] = $1.value },
        ]
        return ("LTX2VocoderWithBWE", joined(nets[0], nets[1], ends))
    }

    /// One of two nets, with the activations that only these have.
    private static func filteredNet(_ header: ConfigValues, bins: Int) throws(ConfigFault) -> [String: Any] {
        try header.require("resblock", "AMP1")
        try header.require("activation", "snakebeta")
        let isLimited: Bool = try header.value("use_tanh_at_final", or: true)
        // Its authors limit the first wave otherwise, which diffusers does not.
        let limit: [String: Any] = isLimited ? ["final_act_fn": "tanh"] : [:]
        return joined(
            try net(header, bins: bins), limit,
            ["act_fn": "snakebeta", "antialias": true, "final_bias": try header.value("use_bias_at_final", or: true)])
    }

    private static func net(_ header: ConfigValues, bins: Int) throws(ConfigFault)
        -> [String: Any]
    {
        try header.require("stereo", true)
        let dilations = [[1, 3, 5], [1, 3, 5], [1, 3, 5]]
        return [
            "in_channels": 2 * bins, "out_channels": 2,
            "hidden_channels": try header.count("upsample_initial_channel", or: 1024),
            "upsample_factors": try header.value("upsample_rates", or: [6, 5, 2, 2, 2]),
            "upsample_kernel_sizes": try header.value("upsample_kernel_sizes", or: [16, 15, 8, 4, 4]),
            "resnet_kernel_sizes": try header.value("resblock_kernel_sizes", or: [3, 7, 11]),
            "resnet_dilations": try header.value("resblock_dilation_sizes", or: dilations),
        ]
    }
}
