import Diffusion
import Layers
import Models
import Tensors
import TestKit
import Testing

/// Forecasts of the largest requests that the checks let through, and of configs of any size.
@Suite struct ForecastLimitTests {
    private static let models = [
        "flux1-tiny-dev", "flux1-tiny-schnell", "wan2.1-tiny-t2v", "wan2.1-tiny-i2v", "wan2.1-tiny-flf2v",
        "wan2.2-tiny-t2v-a14b", "wan2.2-tiny-i2v-a14b", "wan2.2-tiny-ti2v-5b", "flux2-tiny-dev", "qwen-image-tiny",
        "cosmos3-tiny",
    ]

    @Test(arguments: models) func refusesTheLargestRequestInsteadOfTrapping(_ name: String) throws {
        let model = try Catalog.model(CheckpointFolder(TinyCheckpoint.path(of: name)))
        var request = GenerationRequest(prompts: Array(repeating: "a", count: 1024))
        (request.height, request.width, request.numInferenceSteps) = (16384, 16384, 1000)
        (request.maxSequenceLength, request.previews) = (512, 1000)
        let image = RequestImage(
            name: "grey", pixels: PixelBatch(count: 1, height: 16, width: 16, bytes: .init(repeating: 9, count: 768)))
        if model is Wan {
            request.numFrames = 100_000
            if name.contains("i2v") || name.contains("flf2v") || name.contains("ti2v") { request.images = [image] }
            if name.contains("flf2v") { request.lastImage = image }
        }
        if model is Cosmos3 {
            // As long as there are places in time for.
            (request.numFrames, request.images, request.extra["enable_audio"]) = (60_001, [image], .bool(true))
        }
        var cache = DualBlockSettings()
        cache.order = 1000
        for tiling in [false, true] {
            if tiling { request.extra["vae_tiling"] = model is Wan || model is Cosmos3 ? .bool(true) : nil }
            let resolved = try model.resolve(request)
            let cached = PipelineOptions(stepCache: StepCacheSettings(.dualBlock(cache)))
            let narrow = PipelineOptions(ComputePlan(dtype: .bfloat16))
            for options in [PipelineOptions(), narrow, cached] {
                let forecast = try model.memory(of: resolved, options)
                #expect(forecast.leastPeak > 1 << 40)
                #expect(throws: InvalidRequest.self) { try forecast.require(nil) }
            }
        }
    }

    @Test func configsOfAnySizeGiveANumber() {
        let huge = Int.max / 2
        var t5 = T5Config()
        (t5.dModel, t5.dFf, t5.dKv, t5.numHeads) = (huge, huge, huge, huge)
        #expect(t5.activationBytes(texts: 1024, tokens: 512, .float32).count == .max)
        t5 = T5Config()
        #expect(t5.activationBytes(texts: huge, tokens: huge, .bfloat16).count == .max)
        var clip = CLIPTextConfig()
        (clip.hiddenSize, clip.intermediateSize) = (huge, huge)
        #expect(clip.activationBytes(texts: 1, tokens: 77, .float32).count == .max)
        var language = Qwen3Config()
        (language.hiddenSize, language.intermediateSize, language.headDim) = (huge, huge, huge)
        (language.numAttentionHeads, language.numKeyValueHeads) = (huge, 0)
        #expect(language.activationBytes(texts: huge, tokens: huge, states: huge, .bfloat16).count == .max)
        var vision = CLIPVisionConfig()
        (vision.imageSize, vision.patchSize, vision.hiddenSize) = (huge, 1, huge)
        #expect(vision.activationBytes(images: 2, .float32).count == .max)
        var vae = AutoencoderKLConfig()
        vae.blockOutChannels = [huge, huge]
        let image = OutputSize(height: 32, width: 32)
        #expect(vae.decodingBytes(image, dtype: .float32).count == .max)
        #expect(vae.encodingBytes(image, dtype: .float32).count == .max)
        let wan = AutoencoderKLWanConfig()
        let bytes = wan.decodingBytes(
            batch: huge, OutputSize(height: 16384, width: 16384, frames: huge), dtype: .float32)
        #expect(bytes.count == .max)
    }
}
