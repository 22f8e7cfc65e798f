package import Diffusion
internal import Layers

/// FLUX.2-dev and FLUX.2-klein: text to image, and images changed by text.
package struct Flux2: ModelFamily {
    package static let name = "FLUX.2"
    package static let pipelineClasses = ["Flux2Pipeline", "Flux2KleinPipeline"]
    package static let modelIDs = [
        "black-forest-labs/FLUX.2-dev", "black-forest-labs/FLUX.2-klein-4B", "black-forest-labs/FLUX.2-klein-9B",
        "black-forest-labs/FLUX.2-klein-base-4B", "black-forest-labs/FLUX.2-klein-base-9B",
    ]

    package static let parameters = [
        ParameterSpec("sigmas", .numbers(0...1), "the noise levels, instead of evenly spaced ones"),
        ParameterSpec(
            "text_encoder_out_layers", .numbers(0...1000), "the text encoder's three layers that the prompt is made of"),
    ]

    package let checkpoint: CheckpointFolder
    let parts: Parts

    package init(_ checkpoint: CheckpointFolder) throws {
        self.checkpoint = checkpoint
        parts = try Parts(checkpoint)
    }

    package var stepCacheTraits: [StepCacheTraits] {
        let config = parts.transformer.config
        // Published for FLUX.2-dev alone.
        let coefficients =
            parts.variant == .dev
            ? TeaCacheCoefficients([1.04582360e2, -6.87605554, -8.61659379e-2, 5.37600252e-2]) : nil
        let longest = max(config.numLayers, config.numSingleLayers)
        return [StepCacheTraits(blocks: longest, coefficients: coefficients)]
    }
}
