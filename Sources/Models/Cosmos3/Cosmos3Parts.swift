internal import Diffusion
internal import Layers
internal import Tensors

extension Cosmos3 {
    /// The components with weights, and what the checkpoint says of how they work together.
    struct Parts {
        let transformer: Component<TransformerConfig, Transformer>
        let vae: Component<AutoencoderKLWanConfig, AutoencoderKLWan>
        /// Of models that make sound.
        let soundTokenizer: Component<Cosmos3AVAEAudioTokenizerConfig, Cosmos3AVAEAudioTokenizer>?
        let sampling: Sampling
        /// Whether prompts follow a text that tells the model what it does, where a request does not say.
        let usesSystemPrompt: Bool

        init(_ checkpoint: CheckpointFolder) throws {
            transformer = try Component(
                "transformer", in: checkpoint, classes: ["Cosmos3OmniTransformer"], as: .transformer, loras: .cosmos3,
                Transformer.init)
            vae = try Component(
                "vae", in: checkpoint, classes: ["AutoencoderKLWan"], as: .vae, keeping: .float32,
                AutoencoderKLWan.init)
            soundTokenizer =
                checkpoint.has("sound_tokenizer") && transformer.config.soundGen
                ? try Component(
                    "sound_tokenizer", in: checkpoint, classes: ["Cosmos3AVAEAudioTokenizer"], as: .vae,
                    keeping: .float32, Cosmos3AVAEAudioTokenizer.init) : nil
            sampling = try Sampling(checkpoint)
            usesSystemPrompt = checkpoint.settings["default_use_system_prompt"]?.flag ?? true
            try check()
        }

        /// What the components' own configs cannot know of each other.
        private func check() throws {
            let config = transformer.config
            if config.latentChannel != vae.config.zDim {
                throw transformer.error(
                    .misfit("latent_channel", config.latentChannel, to: "z_dim of vae", vae.config.zDim))
            }
            if let soundTokenizer, let channels = config.soundDim, channels != soundTokenizer.config.vocoderInputDim {
                throw transformer.error(
                    .misfit(
                        "sound_dim", channels, to: "vocoder_input_dim of sound_tokenizer",
                        soundTokenizer.config.vocoderInputDim))
            }
        }
    }
}

extension Cosmos3.Parts {
    /// How the decoder divides a request's videos; nil if they are decoded whole.
    func tiling(of request: GenerationRequest) -> VideoTiling? {
        request.extra["vae_tiling"]?.flag == true ? vae.config.tiling(OutputSize(request)) : nil
    }

    /// Latent frames of a request's sound; none without.
    func soundFrames(of request: GenerationRequest) -> Int {
        guard request.extra["enable_audio"]?.flag == true, let soundTokenizer else { return 0 }
        return soundTokenizer.config.frames(seconds: Double(request.numFrames ?? 1) / (request.frameRate ?? 1))
    }
}
