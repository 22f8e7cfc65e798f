internal import Diffusion
internal import Layers
internal import Tensors

extension LTX2 {
    /// The components with weights, and what the checkpoint says of how they work together.
    struct Parts {
        let textEncoder: Component<Gemma3TextConfig, LanguageModel>
        let connectors: Component<ConnectorsConfig, Connectors>
        let transformer: Component<TransformerConfig, Transformer>
        /// Doubles the latents' height and width before a second stage; nil where there is one stage.
        let upsampler: Component<LTX2LatentUpsamplerConfig, LTX2LatentUpsampler>?
        /// The denoiser of the second stage, where a LoRA file makes it another one.
        let distilled: Component<TransformerConfig, Transformer>?
        let vae: Component<AutoencoderKLLTX2VideoConfig, AutoencoderKLLTX2Video>
        let audioVAE: Component<AutoencoderKLLTX2AudioConfig, AutoencoderKLLTX2Audio>
        let vocoder: any LTX2WaveComponent
        let scheduler: FlowMatchEuler

        static let upsamplerKey = "spatial_upsampler_path"
        static let distilledKey = "distilled_lora_path"

        init(_ checkpoint: CheckpointFolder) throws {
            textEncoder = try Component(
                "text_encoder", in: checkpoint, classes: ["Gemma3ForConditionalGeneration"], as: .textEncoder
            ) { try LanguageModel($0, $1) }
            // What these make of a prompt is in every prediction, and they run once: 32 bits cost little here. So it is with the sound.
            connectors = try Component(
                "connectors", in: checkpoint, classes: ["LTX2TextConnectors"], as: .textEncoder, keeping: .float32,
                loras: .ltx2Connectors, Connectors.init)
            transformer = try Component(
                "transformer", in: checkpoint, classes: ["LTX2VideoTransformer3DModel"], as: .transformer,
                loras: .ltx2, Transformer.init)
            upsampler = try checkpoint.pipelinePath(Self.upsamplerKey).map { path in
                try Component(
                    "latent_upsampler", at: SingleFile.upsampler(at: path), as: .vae,
                    allowingUnknown: checkpoint.allowsUnknown, LTX2LatentUpsampler.init)
            }
            let transformer = transformer
            distilled = try checkpoint.pipelinePath(Self.distilledKey).map {
                transformer.again("transformer_2", merging: [LoRAPlan($0)])
            }
            vae = try Component(
                "vae", in: checkpoint, classes: ["AutoencoderKLLTX2Video"], as: .vae, AutoencoderKLLTX2Video.init)
            audioVAE = try Component(
                "audio_vae", in: checkpoint, classes: ["AutoencoderKLLTX2Audio"], as: .vae, keeping: .float32,
                AutoencoderKLLTX2Audio.init)
            vocoder = try Self.vocoder(of: checkpoint)
            scheduler = FlowMatchEuler(
                try checkpoint.config(
                    "scheduler", file: "scheduler_config.json", classes: ["FlowMatchEulerDiscreteScheduler"]))
            try check()
            try checkStages()
        }

        private func checkStages() throws {
            guard let upsampler else {
                if distilled == nil { return }
                throw CheckpointError.needs(Self.upsamplerKey, for: Self.distilledKey)
            }
            let channels = vae.config.latentChannels
            if upsampler.config.inChannels != channels {
                throw upsampler.error(
                    .misfit("in_channels", upsampler.config.inChannels, to: "latent_channels of vae", channels))
            }
            guard upsampler.config.enlarged([3, 2, 2]) == [3, 4, 4] else {
                throw CheckpointError.noUpsampler(at: upsampler.place.path)
            }
        }

        private static func vocoder(of checkpoint: CheckpointFolder) throws -> any LTX2WaveComponent {
            let (plain, extended) = ("LTX2Vocoder", "LTX2VocoderWithBWE")
            if checkpoint.components["vocoder"] == extended {
                return try Component(
                    "vocoder", in: checkpoint, classes: [extended], as: .vae, keeping: .float32,
                    LTX2VocoderWithBWE.init)
            }
            return try Component(
                "vocoder", in: checkpoint, classes: [plain, extended], as: .vae, keeping: .float32, LTX2Vocoder.init)
        }

        /// What the components' own configs cannot know of each other.
        private func check() throws {
            let (config, texts, vae, audio) = (
                transformer.config, connectors.config, self.vae.config, audioVAE.config
            )
            func require(_ key: String, _ found: Int, is name: String, _ other: Int) throws(ConfigError) {
                if found != other { throw transformer.error(.misfit(key, found, to: name, other)) }
            }
            try require("in_channels", config.inChannels, is: "latent_channels of vae", vae.latentChannels)
            try require(
                "out_channels", config.outChannels ?? config.inChannels, is: "latent_channels of vae",
                vae.latentChannels)
            try require(
                "audio_in_channels", config.audioInChannels, is: "base_channels of audio_vae", audio.baseChannels)
            try require(
                "audio_out_channels", config.audioOutChannels ?? config.audioInChannels,
                is: "base_channels of audio_vae", audio.baseChannels)
            try require(
                "audio_sampling_rate", config.audioSamplingRate, is: "sample_rate of audio_vae", audio.sampleRate)
            try require(
                "audio_hop_length", config.audioHopLength, is: "mel_hop_length of audio_vae", audio.melHopLength)
            let scales = [vae.temporalFactor, vae.scaleFactor, vae.scaleFactor]
            if config.vaeScaleFactors != scales {
                throw transformer.error(.value("vae_scale_factors", found: "\(config.vaeScaleFactors)"))
            }
            try require(
                config.usePromptEmbeddings ? "caption_channels" : "cross_attention_dim",
                config.usePromptEmbeddings ? config.captionChannels : config.crossAttentionDim,
                is: "the video's width of connectors", texts.videoWidth)
            try require(
                config.usePromptEmbeddings ? "caption_channels" : "audio_cross_attention_dim",
                config.usePromptEmbeddings ? config.captionChannels : config.audioCrossAttentionDim,
                is: "the sound's width of connectors", texts.audioWidth)
            try checkText()
            let bins = audio.outputChannels * (audio.melBins ?? audio.latentBins)
            if vocoder.inChannels != bins {
                throw vocoder.error(.misfit("in_channels", vocoder.inChannels, to: "audio_vae", bins))
            }
        }

        private func checkText() throws(ConfigError) {
            let (texts, encoder) = (connectors.config, textEncoder.config)
            if texts.captionChannels != encoder.hiddenSize {
                throw connectors.error(
                    .misfit(
                        "caption_channels", texts.captionChannels, to: "hidden_size of text_encoder",
                        encoder.hiddenSize))
            }
            let states = encoder.layerCount + 1
            if texts.textProjInFactor != states {
                throw connectors.error(
                    .misfit("text_proj_in_factor", texts.textProjInFactor, to: "the states of text_encoder", states))
            }
        }
    }
}

extension LTX2.Parts {
    /// How many pixels a token of the first stage makes from top to bottom and from left to right.
    var granularity: Int { vae.config.scaleFactor * (upsampler == nil ? 1 : 2) }

    /// What a request's first stage makes.
    func firstSize(_ request: GenerationRequest) -> OutputSize {
        let size = OutputSize(request)
        if upsampler == nil { return size }
        return OutputSize(height: size.height / 2, width: size.width / 2, frames: size.frames)
    }

    /// The multiples in which texts may be long: the learnt tokens that follow them come whole.
    var textGranularity: Int {
        let config = connectors.config
        return (config.videoConnectorNumLearnableRegisters ?? 1).commonMultiple(
            config.audioConnectorNumLearnableRegisters ?? 1)
    }

    /// How the decoder divides a request's videos; nil if they are decoded whole.
    func tiling(of request: GenerationRequest) -> LTX2VideoTiling? {
        request.extra["vae_tiling"]?.flag == true ? vae.config.tiling(OutputSize(request)) : nil
    }
}

extension Int {
    /// The least number that both divide.
    fileprivate func commonMultiple(_ other: Int) -> Int {
        var (a, b) = (self, other)
        while b != 0 { (a, b) = (b, a % b) }
        return self / a * other
    }
}
