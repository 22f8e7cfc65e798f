package import Diffusion
package import Layers

/// LTX-2 and LTX-2.3: text, or an image too, to videos with sound, by one transformer of two streams.
package struct LTX2: ModelFamily {
    package static let name = "LTX-2"
    package static let pipelineClasses = ["LTX2Pipeline", "LTX2ImageToVideoPipeline"]
    package static let modelIDs = ["Lightricks/LTX-2"]

    package static let pipelineConfig: [String: ParameterValue] = [
        CheckpointFolder.textEncoderKey: .null, Parts.upsamplerKey: .null, Parts.distilledKey: .null,
    ]

    package static let pipelineSources: [String: PipelineSource] = [
        CheckpointFolder.textEncoderKey: .components(["text_encoder", "tokenizer"]),
        Parts.upsamplerKey: .components(["latent_upsampler"]), Parts.distilledKey: .lora,
    ]

    package let checkpoint: CheckpointFolder
    let parts: Parts

    package init(_ checkpoint: CheckpointFolder) throws {
        self.checkpoint = try checkpoint.takingTextEncoder()
        parts = try Parts(self.checkpoint)
    }

    package var components: [any InspectableComponent] {
        let always: [any InspectableComponent] = [parts.textEncoder, parts.connectors, parts.transformer]
        let second: [(any InspectableComponent)?] = [parts.upsampler, parts.distilled]
        return always + second.compactMap { $0 } + [parts.vae, parts.audioVAE, parts.vocoder]
    }

    package var stepCacheTraits: [StepCacheTraits] {
        [StepCacheTraits(blocks: parts.transformer.config.numLayers, coefficients: nil)]
    }

    package func memoryStages(of request: GenerationRequest, _ options: PipelineOptions) -> [MemoryStage] {
        Stages(request, parts, options).all
    }

    package func open(_ context: ComputeContext) throws -> any PipelineStages { try LTX2Pipeline(self, context) }
}
