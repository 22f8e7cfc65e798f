package import Diffusion
package import Layers

/// Qwen-Image and Qwen-Image-2512: text to image.
package struct QwenImage: ModelFamily {
    package static let name = "Qwen-Image"
    package static let pipelineClasses = ["QwenImagePipeline"]
    package static let modelIDs = ["Qwen/Qwen-Image", "Qwen/Qwen-Image-2512"]

    package static let parameters = [
        ParameterSpec(
            "true_cfg_scale", .number(0...1000),
            "classifier-free guidance with the negative prompt, above 1; guidance_scale if absent"),
        ParameterSpec("sigmas", .numbers(0...1), "the noise levels, instead of evenly spaced ones"),
    ]

    package let checkpoint: CheckpointFolder
    let parts: Parts

    package init(_ checkpoint: CheckpointFolder) throws {
        self.checkpoint = checkpoint
        parts = try Parts(checkpoint)
    }

    package var components: [any InspectableComponent] { [parts.textEncoder, parts.transformer, parts.vae] }

    /// No coefficients were published.
    package var stepCacheTraits: [StepCacheTraits] {
        [StepCacheTraits(blocks: parts.transformer.config.numLayers, coefficients: nil)]
    }

    package func memoryStages(of request: GenerationRequest, _ options: PipelineOptions) -> [MemoryStage] {
        Stages(request, parts, options).all
    }

    package func open(_ context: ComputeContext) throws -> any PipelineStages { try QwenImagePipeline(self, context) }

    /// The components with weights.
    struct Parts {
        let textEncoder: Component<Qwen25VLTextConfig, LanguageModel>
        let transformer: Component<TransformerConfig, Transformer>
        let vae: Component<AutoencoderKLWanConfig, AutoencoderKLWan>

        init(_ checkpoint: CheckpointFolder) throws {
            textEncoder = try Component(
                "text_encoder", in: checkpoint, classes: ["Qwen2_5_VLForConditionalGeneration"], as: .textEncoder
            ) { try LanguageModel($0, $1) }
            transformer = try Component(
                "transformer", in: checkpoint, classes: ["QwenImageTransformer2DModel"], as: .transformer,
                Transformer.init)
            // Wan 2.1's network under another name; the reference runs it in the model's type.
            vae = try Component(
                "vae", in: checkpoint, classes: ["AutoencoderKLQwenImage"], as: .vae, AutoencoderKLWan.init)
            try requireAgreement()
        }

        /// Checks that what one component gives is what another takes.
        private func requireAgreement() throws(ConfigError) {
            func require(_ key: String, _ size: Int, _ name: String, _ other: Int) throws(ConfigError) {
                if size != other { throw transformer.error(.misfit(key, size, to: name, other)) }
            }
            let config = transformer.config
            try require(
                "joint_attention_dim", config.jointAttentionDim, "hidden_size of text_encoder",
                textEncoder.config.hiddenSize)
            try require("in_channels", config.inChannels, "four times z_dim of vae", 4 * vae.config.zDim)
            try require("out_channels", config.predictedChannels, "in_channels over four", config.inChannels)
        }

        /// How many pixels a token is high and wide.
        var granularity: Int { 2 * vae.config.scaleFactor }

        /// The tokens of a request's image, each of two by two latents.
        func grid(of request: GenerationRequest) -> PatchGrid {
            let (size, scale) = (OutputSize(request), vae.config.scaleFactor)
            return PatchGrid([1, size.height / scale, size.width / scale], patch: [1, 2, 2])
        }
    }
}
