package import Diffusion
package import Layers

/// Cosmos3: text, or an image too, to videos, with sound where it is asked for, or to images, by one transformer that reads and
/// draws.
package struct Cosmos3: ModelFamily {
    package static let name = "Cosmos3"
    /// The last two are spellings of older checkpoints.
    package static let pipelineClasses = [
        "Cosmos3OmniPipeline", "Cosmos3OmniMoTPipeline", "Cosmos3OmniDiffusersPipeline",
    ]
    package static let modelIDs = [
        "nvidia/Cosmos3-Nano", "nvidia/Cosmos3-Super", "nvidia/Cosmos3-Super-Text2Image-4Step",
        "nvidia/Cosmos3-Super-Image2Video-4Step",
    ]

    package let checkpoint: CheckpointFolder
    let parts: Parts

    package init(_ checkpoint: CheckpointFolder) throws {
        self.checkpoint = checkpoint
        parts = try Parts(checkpoint)
    }

    package var components: [any InspectableComponent] {
        let sound: [any InspectableComponent] = parts.soundTokenizer.map { [$0] } ?? []
        return [parts.transformer] + sound + [parts.vae]
    }

    package var stepCacheTraits: [StepCacheTraits] {
        [StepCacheTraits(blocks: parts.transformer.config.numHiddenLayers, coefficients: nil)]
    }

    package func memoryStages(of request: GenerationRequest, _ options: PipelineOptions) -> [MemoryStage] {
        Stages(request, parts, options).all
    }

    package func open(_ context: ComputeContext) throws -> any PipelineStages { try Cosmos3Pipeline(self, context) }
}
