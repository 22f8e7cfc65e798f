internal import Diffusion
internal import Layers

extension QwenImage {
    /// The components with weights, and what the checkpoint says of how they work together.
    struct Parts: ImageParts {
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
                loras: .transformer(),
                Transformer.init)
            // Wan 2.1's network under another name; the reference runs it in the model's type.
            vae = try Component(
                "vae", in: checkpoint, classes: ["AutoencoderKLQwenImage"], as: .vae, AutoencoderKLWan.init)
            self.sight = sight
            try requireAgreement()
        }

        var textEncoders: [any InspectableComponent] { [textEncoder] }

        /// Checks that what one component gives is what another takes.
        private func requireAgreement() throws(ConfigError) {
            let config = transformer.config
            try require(
                "joint_attention_dim", config.jointAttentionDim, is: "hidden_size of text_encoder",
                textEncoder.config.hiddenSize)
            try require("in_channels", config.inChannels, is: "four times z_dim of vae", 4 * vae.config.zDim)
            try require("out_channels", config.predictedChannels, is: "in_channels over four", config.inChannels)
            guard let vision = sight?.vision, vision.outHiddenSize != textEncoder.config.hiddenSize else { return }
            throw textEncoder.error(
                .misfit(
                    "vision_config.out_hidden_size", vision.outHiddenSize, to: "hidden_size",
                    textEncoder.config.hiddenSize))
        }
    }
}
