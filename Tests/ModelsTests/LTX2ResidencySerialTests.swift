import Diffusion
import Layers
import Models
import Synchronization
import Tensors
import TestKit
import Testing

@DeviceActor @Suite(.serialized) struct LTX2ResidencySerialTests {
    private static let options = {
        var settings = DualBlockSettings()
        settings.order = 4
        return PipelineOptions(stepCache: StepCacheSettings(.dualBlock(settings)))
    }()

    private let model: LTX2
    private let request: GenerationRequest
    private let forecast: MemoryForecast

    init() throws {
        model = try LTX2(CheckpointFolder(TinyCheckpoint.path(of: "ltx2-tiny")))
        var request = GenerationRequest(prompts: ["a lake"])
        (request.height, request.width, request.frameRate) = (64, 64, 0.1)
        (request.numInferenceSteps, request.seeds, request.maxSequenceLength) = (2, [1], 16)
        request.extra["enable_audio"] = .bool(false)
        // So long a sound, which is not decoded, that no stage needs more than denoising, with all that a step cache keeps.
        var found: (request: GenerationRequest, forecast: MemoryForecast)?
        for frames in [9, 17, 33, 65, 129] where found == nil {
            request.numFrames = frames
            let asked = try model.resolve(request)
            let forecast = try model.memory(of: asked, Self.options)
            if Self.denoising(forecast) == forecast.leastPeak { found = (asked, forecast) }
        }
        (self.request, forecast) = try #require(found)
    }

    /// What denoising needs by a forecast.
    private static func denoising(_ forecast: MemoryForecast) -> Int? {
        forecast.stages.first { $0.components == ["transformer"] }
            .map { MemoryForecast(weights: forecast.weights, stages: [$0]).leastPeak }
    }

    /// What a run came to: the video, the components that were read for it, and the bytes of all tensors at each step.
    private struct Outcome: Sendable {
        var pixels: PixelBatch?
        var read: [String] = []
        var used: [Int] = []
    }

    /// The bytes of all tensors that are there.
    private nonisolated static func used() -> Int {
        try? HostMemory.resetPeak()
        return (try? HostMemory.peak().allocated) ?? 0
    }

    private func run(within limit: Int? = nil) throws -> Outcome {
        let before = Self.used()
        let pipeline = try model.load(PipelineOptions(stepCache: Self.options.stepCache, memoryLimit: limit))
        let outcome = Mutex(Outcome())
        let collector = OutputCollector()
        _ = try pipeline.generate(
            request,
            observe: { progress in
                outcome.withLock { outcome in
                    if case .loading(let name) = progress { outcome.read.append(name) }
                    if case .denoising = progress { outcome.used.append(Self.used() - before) }
                }
            }, trace: nil, deliver: collector.add)
        var result = outcome.withLock { $0 }
        result.pixels = collector.pixels
        return result
    }

    /// With room for one stage at a time, what made the prompt's embeddings has given its memory back when the first step begins.
    @Test func theTextEncoderIsGoneBeforeDenoising() throws {
        let needed = forecast.leastPeak
        let (free, limited) = try (run(), run(within: forecast.leastPeak))
        #expect(limited.pixels == free.pixels && free.pixels != nil)
        #expect(free.read == ["text_encoder", "connectors", "transformer", "vae"])
        #expect(limited.read == free.read)
        let gone = try ["text_encoder", "connectors"].map { try #require(forecast.weights[$0]?.bytes) }.reduce(0, +)
        #expect(free.used.count == 3 && limited.used.count == 3)
        for (all, left) in zip(free.used, limited.used) { #expect(all - left >= gone) }
        #expect(limited.used.max() ?? .max <= needed - MemoryForecast.process())
    }
}
