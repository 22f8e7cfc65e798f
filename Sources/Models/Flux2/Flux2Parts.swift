internal import Diffusion
internal import Layers

extension Flux2 {
    /// The components with weights, and what the checkpoint says of how they work together.
    struct Parts {
        /// What the model was made for.
        enum Variant {
            /// The guidance is embedded.
            case dev
            /// Made for few steps, without guidance.
            case distilledKlein
            /// Guided by the prediction for an empty or a negative prompt.
            case baseKlein
        }

        let textEncoder: any LanguageModelComponent
        let transformer: Component<TransformerConfig, Transformer>
        let vae: Component<AutoencoderKLFlux2Config, AutoencoderKLFlux2>
        let variant: Variant

        init(_ checkpoint: CheckpointFolder) throws {
            let isKlein = checkpoint.pipelineClass == "Flux2KleinPipeline"
            let isDistilled = checkpoint.settings["is_distilled"]?.flag ?? false
            variant = !isKlein ? .dev : isDistilled ? .distilledKlein : .baseKlein
            textEncoder = try variant.textEncoder(of: checkpoint)
            transformer = try Component(
                "transformer", in: checkpoint, classes: ["Flux2Transformer2DModel"], as: .transformer,
                Transformer.init)
            vae = try Component(
                "vae", in: checkpoint, classes: ["AutoencoderKLFlux2"], as: .vae, AutoencoderKLFlux2.init)
            try requireAgreement()
        }

        /// Checks that what one component gives is what another takes.
        private func requireAgreement() throws(ConfigError) {
            func require(_ key: String, _ size: Int, _ name: String, _ other: Int) throws(ConfigError) {
                if size != other { throw transformer.error(.misfit(key, size, to: name, other)) }
            }
            let config = transformer.config
            try require(
                "joint_attention_dim", config.jointAttentionDim, "three times hidden_size of text_encoder",
                3 * textEncoder.width)
            try require(
                "in_channels", config.inChannels, "four times latent_channels of vae", 4 * vae.config.latentChannels)
            try require("out_channels", config.outChannels ?? config.inChannels, "in_channels", config.inChannels)
        }

        /// How many pixels a token is high and wide.
        var granularity: Int { 2 * vae.config.network.scaleFactor }

        /// The tokens of an image, each of two by two latents.
        func grid(_ size: OutputSize) -> PatchGrid {
            let scale = vae.config.network.scaleFactor
            return PatchGrid([1, size.height / scale, size.width / scale], patch: [1, 2, 2])
        }
    }
}
