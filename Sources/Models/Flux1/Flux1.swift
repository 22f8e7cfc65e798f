package import Diffusion
package import Layers

/// FLUX.1-dev and FLUX.1-schnell: text to picture.
package enum Flux1: ModelFamily {
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

    package static func components(of checkpoint: CheckpointFolder) throws -> [any InspectableComponent] {
        let parts = try Components(checkpoint)
        return [parts.textEncoder, parts.textEncoder2, parts.transformer, parts.vae]
    }

    package static func memory(
        of request: GenerationRequest, for checkpoint: CheckpointFolder, plan: ExecutionPlan
    ) throws -> MemoryForecast {
        // The weights first: their shapes bear out the sizes in the configs.
        let components = try Components(checkpoint)
        let weights = try MemoryForecast.weights(of: self.components(of: checkpoint), plan.dtype)
        return MemoryForecast(weights: weights, stages: Stages(request, components, plan).all)
    }

    package static func load(_ checkpoint: CheckpointFolder, plan: ExecutionPlan, memoryLimit: Int?) throws
        -> any Pipeline
    {
        try Flux1Pipeline(checkpoint, plan: plan, memoryLimit: memoryLimit)
    }

    /// The components with weights.
    struct Components {
        let textEncoder: Component<CLIPTextConfig, CLIPTextModel>
        let textEncoder2: Component<T5Config, T5Encoder>
        let transformer: Component<TransformerConfig, Transformer>
        let vae: Component<AutoencoderKLConfig, AutoencoderKL>

        init(_ checkpoint: CheckpointFolder) throws {
            textEncoder = try Component(
                "text_encoder", in: checkpoint, classes: ["CLIPTextModel"], CLIPTextModel.init)
            textEncoder2 = try Component(
                "text_encoder_2", in: checkpoint, classes: ["T5EncoderModel"], T5Encoder.init)
            transformer = try Component(
                "transformer", in: checkpoint, classes: ["FluxTransformer2DModel"], Transformer.init)
            vae = try Component("vae", in: checkpoint, classes: ["AutoencoderKL"], AutoencoderKL.init)
            try requireAgreement()
        }

        /// Checks that what one component gives is what another takes.
        private func requireAgreement() throws(ConfigError) {
            let config = transformer.config
            let pairs = [
                (
                    "joint_attention_dim", config.jointAttentionDim, "d_model of text_encoder_2",
                    textEncoder2.config.dModel
                ),
                (
                    "pooled_projection_dim", config.pooledProjectionDim, "hidden_size of text_encoder",
                    textEncoder.config.hiddenSize
                ),
                ("in_channels", config.inChannels, "four times latent_channels of vae", 4 * vae.config.latentChannels),
                ("out_channels", config.outChannels ?? config.inChannels, "in_channels", config.inChannels),
            ]
            for (key, size, name, other) in pairs where size != other {
                throw ConfigError(
                    file: "\(transformer.folder)/config.json", fault: .misfit(key, size, to: name, other))
            }
        }
    }
}
