package import Diffusion
package import Layers

/// FLUX.1-dev and FLUX.1-schnell: text to picture.
package enum Flux1: ModelFamily {
    package static let name = "FLUX.1"
    package static let pipelineClasses = ["FluxPipeline"]

    package static let parameters = [
        ParameterSpec("prompt_2", .texts, "the prompt of the second text encoder"),
        ParameterSpec("negative_prompt_2", .texts, "the negative prompt of the second text encoder"),
        ParameterSpec(
            "true_cfg_scale", .number(0...1000), "classifier-free guidance with the negative prompt, above 1"),
        ParameterSpec("sigmas", .numbers(0...1), "the noise levels, instead of evenly spaced ones"),
    ]

    package static func components(of checkpoint: CheckpointFolder) throws -> [any InspectableComponent] {
        let parts = try Components(checkpoint)
        return [parts.textEncoder, parts.textEncoder2, parts.transformer, parts.vae]
    }

    package static func load(_ checkpoint: CheckpointFolder, plan: ExecutionPlan, observe: ProgressObserver) throws
        -> any Pipeline
    {
        try Flux1Pipeline(checkpoint, plan: plan, observe: observe)
    }

    /// The components with weights.
    struct Components {
        let textEncoder: Component<CLIPTextModel>
        let textEncoder2: Component<T5Encoder>
        let transformer: Component<Transformer>
        let vae: Component<AutoencoderKL>

        init(_ checkpoint: CheckpointFolder) throws {
            textEncoder = try Component(
                "text_encoder", in: checkpoint, classes: ["CLIPTextModel"], CLIPTextModel.init)
            textEncoder2 = try Component(
                "text_encoder_2", in: checkpoint, classes: ["T5EncoderModel"], T5Encoder.init)
            transformer = try Component(
                "transformer", in: checkpoint, classes: ["FluxTransformer2DModel"], Transformer.init)
            vae = try Component("vae", in: checkpoint, classes: ["AutoencoderKL"], AutoencoderKL.init)
        }
    }
}
