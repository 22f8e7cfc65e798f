internal import Diffusion
internal import Layers

extension QwenImage {
    /// The components with weights, and what the checkpoint says of how they work together.
    struct Parts {
        let textEncoder: Component<Qwen25VLTextConfig, Qwen25VLModel>
        let transformer: Component<TransformerConfig, Transformer>
        let vae: Component<AutoencoderKLWanConfig, AutoencoderKLWan>
        /// What models need besides that change images; nil for text to image.
        let sight: Sight?

        init(_ checkpoint: CheckpointFolder) throws {
            let classes = ["Qwen2_5_VLForConditionalGeneration"]
            let sight = try Sight.Style(pipelineClass: checkpoint.pipelineClass).map {
                try Sight(checkpoint, $0, textEncoderClasses: classes)
            }
            textEncoder = try Component("text_encoder", in: checkpoint, classes: classes, as: .textEncoder) {
                try Qwen25VLModel($0, $1, vision: sight?.vision)
            }
            transformer = try Component(
                "transformer", in: checkpoint, classes: ["QwenImageTransformer2DModel"], as: .transformer,
                Transformer.init)
            // Wan 2.1's network under another name; the reference runs it in the model's type.
            vae = try Component(
                "vae", in: checkpoint, classes: ["AutoencoderKLQwenImage"], as: .vae, AutoencoderKLWan.init)
            self.sight = sight
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
            guard let vision = sight?.vision, vision.outHiddenSize != textEncoder.config.hiddenSize else { return }
            throw textEncoder.error(
                .misfit(
                    "vision_config.out_hidden_size", vision.outHiddenSize, to: "hidden_size",
                    textEncoder.config.hiddenSize))
        }

        /// How many pixels a token is high and wide.
        var granularity: Int { 2 * vae.config.scaleFactor }

        /// The tokens of an image, each of two by two latents.
        func grid(_ size: OutputSize) -> PatchGrid {
            let scale = vae.config.scaleFactor
            return PatchGrid([1, size.height / scale, size.width / scale], patch: [1, 2, 2])
        }
    }
}
