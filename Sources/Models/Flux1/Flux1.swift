package import Diffusion
internal import Layers

/// FLUX.1-dev and FLUX.1-schnell: text to image.
package struct Flux1: ModelFamily {
    package static let name = "FLUX.1"
    package static let pipelineClasses = ["FluxPipeline"]
    package static let modelIDs = [
        "black-forest-labs/FLUX.1-dev", "black-forest-labs/FLUX.1-schnell", "black-forest-labs/FLUX.1-Krea-dev",
    ]

    package static let parameters = [
        ParameterSpec("prompt_2", .texts, "the prompt of the second text encoder"),
        ParameterSpec("negative_prompt_2", .texts, "the negative prompt of the second text encoder"),
        ParameterSpec(
            "true_cfg_scale", .number(0...1000), default: .number(1),
            "classifier-free guidance with the negative prompt, above 1"),
        ParameterSpec("sigmas", .numbers(0...1), "the noise levels, instead of evenly spaced ones"),
    ]

    package let checkpoint: CheckpointFolder
    let parts: Parts

    package init(_ checkpoint: CheckpointFolder) throws {
        self.checkpoint = checkpoint
        parts = try Parts(checkpoint)
    }

    package var stepCacheTraits: [StepCacheTraits] {
        let config = parts.transformer.config
        // The guidance embedding is what tells FLUX.1-dev from FLUX.1-schnell.
        let coefficients =
            config.guidanceEmbeds
            ? [4.98651651e2, -2.83781631e2, 5.58554382e1, -3.82021401, 2.64230861e-1] : [1, 0]
        let blocks = config.numLayers + config.numSingleLayers
        return [StepCacheTraits(blocks: blocks, coefficients: TeaCacheCoefficients(coefficients))]
    }

    /// The components with weights.
    struct Parts: ImageParts {
        let textEncoder: Component<CLIPTextConfig, CLIPTextModel>
        let textEncoder2: Component<T5Config, T5Encoder>
        let transformer: Component<TransformerConfig, Transformer>
        let vae: Component<AutoencoderKLConfig, AutoencoderKL>

        init(_ checkpoint: CheckpointFolder) throws {
            textEncoder = try Component(
                "text_encoder", in: checkpoint, classes: ["CLIPTextModel"], as: .textEncoder, loras: .flux1CLIP,
                CLIPTextModel.init)
            textEncoder2 = try Component(
                "text_encoder_2", in: checkpoint, classes: ["T5EncoderModel"], as: .textEncoder, loras: .flux1T5,
                T5Encoder.init)
            transformer = try Component(
                "transformer", in: checkpoint, classes: ["FluxTransformer2DModel"], as: .transformer, loras: .flux1,
                Transformer.init)
            vae = try Component("vae", in: checkpoint, classes: ["AutoencoderKL"], as: .vae, AutoencoderKL.init)
            try requireAgreement()
        }

        var textEncoders: [any InspectableComponent] { [textEncoder, textEncoder2] }

        /// Checks that what one component gives is what another takes.
        private func requireAgreement() throws(ConfigError) {
            let (config, clip, t5) = (transformer.config, textEncoder.config, textEncoder2.config)
            let pooled = config.pooledProjectionDim
            try require("joint_attention_dim", config.jointAttentionDim, is: "d_model of text_encoder_2", t5.dModel)
            try require("pooled_projection_dim", pooled, is: "hidden_size of text_encoder", clip.hiddenSize)
            try require(
                "in_channels", config.inChannels, is: "four times latent_channels of vae", 4 * vae.config.latentChannels
            )
            try require("out_channels", config.outChannels ?? config.inChannels, is: "in_channels", config.inChannels)
        }
    }
}
