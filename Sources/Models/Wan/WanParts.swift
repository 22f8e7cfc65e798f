internal import Diffusion
internal import Layers
internal import Tensors

extension Wan {
    /// The components with weights, and what the checkpoint says of how they work together.
    struct Parts {
        /// What an image is for.
        enum Conditioning {
            /// The model takes none.
            case none
            /// Latents and a mask of images stand beside the noise (2.1 I2V, 2.2 I2V A14B).
            case channels
            /// The first latent frame is the image (2.2 TI2V 5B).
            case firstFrame
        }

        let textEncoder: Component<T5Config, T5Encoder>
        /// Of models that look at the image itself (2.1 I2V).
        let imageEncoder: Component<CLIPVisionConfig, CLIPVisionModel>?
        let transformer: Component<TransformerConfig, Transformer>
        /// Takes over at the noise level of ``boundaryRatio`` (2.2 A14B).
        let transformer2: Component<TransformerConfig, Transformer>?
        let vae: Component<AutoencoderKLWanConfig, AutoencoderKLWan>
        let conditioning: Conditioning
        /// Whether a request must bring an image.
        let needsImage: Bool
        /// The share of the timesteps below which the second transformer takes over.
        let boundaryRatio: Double?

        init(_ checkpoint: CheckpointFolder) throws {
            func denoiser(_ name: String, _ loras: LoRANames) throws -> Component<TransformerConfig, Transformer> {
                try Component(
                    name, in: checkpoint, classes: ["WanTransformer3DModel"], as: .transformer, loras: loras,
                    Transformer.init)
            }
            textEncoder = try Component(
                "text_encoder", in: checkpoint, classes: ["UMT5EncoderModel"], as: .textEncoder, T5Encoder.init)
            transformer = try denoiser("transformer", .wan)
            vae = try Component(
                "vae", in: checkpoint, classes: ["AutoencoderKLWan"], as: .vae, keeping: .float32,
                AutoencoderKLWan.init)
            needsImage = checkpoint.pipelineClass == "WanImageToVideoPipeline"
            let hasFramesOfOwnTime = checkpoint.settings["expand_timesteps"]?.flag ?? false
            conditioning = hasFramesOfOwnTime ? .firstFrame : needsImage ? .channels : .none
            imageEncoder =
                needsImage && transformer.config.imageDim != nil
                ? try Component(
                    "image_encoder", in: checkpoint,
                    classes: ["CLIPVisionModel", "CLIPVisionModelWithProjection"], as: .imageEncoder,
                    keeping: .float32, CLIPVisionModel.init) : nil
            boundaryRatio = checkpoint.settings["boundary_ratio"]?.number
            let isAlone = boundaryRatio == nil && !checkpoint.has("transformer_2")
            transformer2 = isAlone ? nil : try denoiser("transformer_2", .wan.whereNamed)
            try check(index: "\(checkpoint.path)/model_index.json")
        }

        /// One or two, in the order of the steps.
        var transformers: [Component<TransformerConfig, Transformer>] {
            [transformer] + (transformer2.map { [$0] } ?? [])
        }

        /// How many pixels a token is high and wide.
        var granularity: (height: Int, width: Int) {
            let patch = transformer.config.patchSize
            return (vae.config.scaleFactor * patch[1], vae.config.scaleFactor * patch[2])
        }

        /// What the components' own configs cannot know of each other.
        private func check(index: String) throws {
            if transformer2 != nil, boundaryRatio == nil {
                throw ConfigError(file: index, fault: .unsupported("a transformer_2 without a boundary_ratio"))
            }
            if let boundaryRatio, !(0...1).contains(boundaryRatio) {
                throw ConfigError(file: index, fault: .value("boundary_ratio", found: "\(boundaryRatio)"))
            }
            let z = vae.config.zDim
            let input = conditioning == .channels ? 2 * z + vae.config.temporalFactor : z
            for component in transformers {
                let config = component.config
                func require(_ key: String, _ found: Int, _ expected: Int) throws(ConfigError) {
                    if found == expected { return }
                    throw component.error(.value(key, found: "\(found) instead of \(expected)"))
                }
                try require("in_channels", config.inChannels, input)
                try require("out_channels", config.outChannels ?? config.inChannels, z)
                try require("text_dim", config.textDim, textEncoder.config.dModel)
                if let imageEncoder, let imageDim = config.imageDim {
                    try require("image_dim", imageDim, imageEncoder.config.hiddenSize)
                }
                if conditioning == .firstFrame { try require("patch_size", config.patchSize[0], 1) }
            }
        }
    }
}
