internal import Diffusion
internal import Layers

extension Flux2 {
    /// The components with weights, and what the checkpoint says of how they work together.
    struct Parts: ImageParts {
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
                "transformer", in: checkpoint, classes: ["Flux2Transformer2DModel"], as: .transformer, loras: .flux2,
                Transformer.init)
            vae = try Component(
                "vae", in: checkpoint, classes: ["AutoencoderKLFlux2"], as: .vae, AutoencoderKLFlux2.init)
            try requireAgreement()
        }

        var textEncoders: [any InspectableComponent] { [textEncoder] }

        /// Checks that what one component gives is what another takes.
        private func requireAgreement() throws(ConfigError) {
            let config = transformer.config
            try require(
                "joint_attention_dim", config.jointAttentionDim, is: "three times hidden_size of text_encoder",
                3 * textEncoder.width)
            try require(
                "in_channels", config.inChannels, is: "four times latent_channels of vae", 4 * vae.config.latentChannels
            )
            try require("out_channels", config.outChannels ?? config.inChannels, is: "in_channels", config.inChannels)
        }
    }
}
