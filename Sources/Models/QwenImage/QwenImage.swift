package import Diffusion
internal import Layers

/// Qwen-Image and Qwen-Image-2512: text to image; Qwen-Image-Edit, -2509 and -2511: images changed by text.
package struct QwenImage: ModelFamily {
    package static let name = "Qwen-Image"
    package static let pipelineClasses = [
        "QwenImagePipeline", "QwenImageEditPlusPipeline", "QwenImageEditPipeline",
    ]
    package static let modelIDs = [
        "Qwen/Qwen-Image", "Qwen/Qwen-Image-2512", "Qwen/Qwen-Image-Edit-2509", "Qwen/Qwen-Image-Edit-2511",
        "Qwen/Qwen-Image-Edit",
    ]

    package static let parameters =
        [
            ParameterSpec(
                "true_cfg_scale", .number(0...1000),
                "classifier-free guidance with the negative prompt, above 1; guidance_scale if absent"),
            ParameterSpec("sigmas", .numbers(0...1), "the noise levels, instead of evenly spaced ones"),
        ] + ReferenceSize.parameters

    package let checkpoint: CheckpointFolder
    let parts: Parts

    package init(_ checkpoint: CheckpointFolder) throws {
        self.checkpoint = checkpoint
        parts = try Parts(checkpoint)
    }

    /// No coefficients were published.
    package var stepCacheTraits: [StepCacheTraits] {
        [StepCacheTraits(blocks: parts.transformer.config.numLayers, coefficients: nil)]
    }
}
