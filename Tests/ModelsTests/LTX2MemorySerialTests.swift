import Diffusion
import Layers
import Models
import Tensors
import TestKit
import Testing

/// What a step of denoising is foreseen to take, and what it takes.
@DeviceActor @Suite struct LTX2MemorySerialTests {
    /// One layer, so wide that tokens outweigh all else: more layers take their turn in the same memory.
    private func checkpoint() throws -> TinyCheckpoint {
        let copy = try TinyCheckpoint(copying: "ltx2-tiny")
        try copy.editJSON("transformer/config.json") { config in
            config.merge(
                [
                    "num_layers": 1, "num_attention_heads": 8, "attention_head_dim": 64, "cross_attention_dim": 512,
                    "audio_num_attention_heads": 8, "audio_attention_head_dim": 32, "audio_cross_attention_dim": 256,
                ]
            ) { $1 }
        }
        return copy
    }

    @Test(arguments: [DType.float32, .bfloat16], [false, true])
    func foreseesWhatAStepTakes(_ dtype: DType, _ hasImage: Bool) throws {
        let (copy, plan) = (try checkpoint(), ComputePlan(dtype: dtype))
        let model = try LTX2(CheckpointFolder(copy.path))
        var request = GenerationRequest(prompts: ["a lake"])
        (request.height, request.width, request.numFrames, request.frameRate) = (512, 768, 49, 24)
        (request.maxSequenceLength, request.guidanceScale, request.seeds) = (32, 1, [1])
        if hasImage { request.images = [try RequestImage(golden: "first.png")] }
        let stages = model.memoryStages(of: try model.resolve(request), PipelineOptions(plan))
        let stage = try #require(stages.first { $0.components == ["transformer"] })
        let layers = try #require(model.components.first { $0.name == "transformer" }).listing(of: nil).linears
        let foreseen = stage.activations + MemorySize(WeightMemory.copies(of: layers, plan))
        let config = try LTX2.TransformerConfig.read(copy.file("transformer/config.json")).0
        let transformer = try LTX2.Transformer(Weights(RandomWeights(deviation: 0.05), plan: plan), config)
        let (frames, rows, columns) = (7, 16, 24)
        func random(_ shape: Int..., as dtype: DType = .float32) throws -> Tensor {
            try Generator(seed: 9).normal(shape).to(dtype)
        }
        let input = LTX2.Transformer.Input(
            video: try random(1, frames * rows * columns, config.inChannels),
            audio: try random(1, 51, config.audioInChannels),
            videoText: try random(1, 32, config.captionChannels, as: dtype),
            audioText: try random(1, 32, config.captionChannels, as: dtype), size: [frames, rows, columns], rate: 24,
            timesteps: hasImage ? [0] + Array(repeating: 500, count: frames - 1) : [500], timestep: 500)
        // The first time kernels are chosen.
        _ = try BlockRunner(transformer).predict(input)
        let found = try peakMemory { _ = try BlockRunner(transformer).predict(input) }
        #expect(Double(foreseen.count) >= found, "\(foreseen) for \(found)")
        // Whether 16-bit numbers are converted is chosen by speed.
        if dtype.mayBeConvertedForProducts { return }
        #expect(Double(foreseen.count) <= 1.6 * found, "\(foreseen) for \(found)")
    }
}
