import Diffusion
import Foundation
import Layers
import Models
import Synchronization
import Tensors
import TestKit
import Testing

/// The progress of a pipeline, in order.
private final class Events: Sendable {
    private let seen = Mutex<[Diffusion.Progress]>([])

    var observe: ProgressObserver { { [self] progress in seen.withLock { $0.append(progress) } } }

    /// What was seen since this was last asked.
    func take() -> [Diffusion.Progress] {
        seen.withLock { events in
            defer { events = [] }
            return events
        }
    }
}

@DeviceActor @Suite struct Flux1ResidencyTests {
    private let model: Flux1
    private let request: GenerationRequest
    private let forecast: MemoryForecast
    private let events = Events()
    private static let names = ["text_encoder", "text_encoder_2", "transformer", "vae"]

    init() throws {
        model = try Flux1(CheckpointFolder(TinyCheckpoint.path()))
        var request = GenerationRequest(prompts: ["a lake"])
        (request.height, request.width, request.numInferenceSteps) = (32, 32, 1)
        (request.seeds, request.maxSequenceLength) = ([1], 16)
        self.request = try model.resolve(request)
        forecast = try model.memory(of: self.request, PipelineOptions())
    }

    private func pipeline(_ limit: Int? = nil) throws -> Pipeline {
        try model.load(PipelineOptions(memoryLimit: limit))
    }

    private func generate(_ pipeline: Pipeline) throws -> (pixels: PixelBatch, times: StageTimes) {
        let collector = OutputCollector()
        let times = try pipeline.generate(request, observe: events.observe, trace: nil, deliver: collector.add)
        return (try #require(collector.pixels), times)
    }

    private func loading(_ names: String...) -> [Diffusion.Progress] { names.map(Diffusion.Progress.loading) }

    @Test func readsEachComponentWhenItIsFirstNeeded() throws {
        let pipeline = try pipeline()
        #expect(events.take().isEmpty)
        let first = try generate(pipeline)
        let steps = [Diffusion.Progress.denoising(step: 0, of: 1), .denoising(step: 1, of: 1)]
        #expect(
            events.take() == loading("text_encoder", "text_encoder_2") + [.encodingText] + loading("transformer")
                + steps + loading("vae") + [.decoding])
        #expect(first.times.load > 0)
        let second = try generate(pipeline)
        #expect(events.take() == [.encodingText] + steps + [.decoding])
        #expect(second.pixels == first.pixels)
        #expect(second.times.load < first.times.load)
    }

    @Test func readsEverythingBeforehandWhereItFits() throws {
        let pipeline = try pipeline()
        try pipeline.prepare(observe: events.observe)
        #expect(events.take() == Self.names.map(Diffusion.Progress.loading))
        try pipeline.prepare(observe: events.observe)
        #expect(events.take().isEmpty)
    }

    /// With room for one stage at a time everything is read anew in every request, and the image stays as it is.
    @Test func givesTheSameImageWithinTheLeastMemory() throws {
        let pipeline = try pipeline(forecast.leastPeak)
        let expected = try generate(self.pipeline()).pixels
        _ = events.take()
        for _ in 0..<2 {
            #expect(try generate(pipeline).pixels == expected)
            let loaded = events.take().filter { if case .loading = $0 { true } else { false } }
            #expect(loaded.starts(with: loading("text_encoder", "text_encoder_2", "transformer")))
        }
    }

    @Test func refusesARequestThatDoesNotFitBeforeAnythingIsDone() throws {
        let pipeline = try pipeline(forecast.leastPeak - 1)
        let error = try #require(throws: InvalidRequest.self) { try generate(pipeline) }
        #expect(error.problems == [.memory(needed: forecast.leastPeak, available: forecast.leastPeak - 1)])
        #expect(events.take().isEmpty)
    }

    @Test func foreseesTheWeightsInTheTypeOfThePlan() throws {
        #expect(forecast.weights.keys.sorted() == Self.names)
        let half = try model.memory(of: request, PipelineOptions(ComputePlan(dtype: .bfloat16)))
        for name in Self.names {
            let weights = try SafetensorsCheckpoint(CheckpointFiles.locate(in: "\(model.checkpoint.path)/\(name)"))
            // Old constants and tables that stand there twice are not read.
            let read = weights.names.filter { !$0.hasSuffix("position_ids") && $0 != "encoder.embed_tokens.weight" }
            let bytes = read.compactMap { weights[$0]?.entry.byteRange.count }.reduce(0, +)
            #expect(forecast.weights[name]?.bytes == bytes, "\(name)")
            #expect(half.weights[name]?.bytes == bytes / 2, "\(name)")
        }
    }

    @Test func foreseesMoreForMoreImagesPixelsAndTokens() throws {
        func peak(_ change: (inout GenerationRequest) -> Void) throws -> Int {
            var changed = request
            change(&changed)
            return try model.memory(of: changed, PipelineOptions()).peakKeepingAll
        }
        let least = try peak { _ in }
        #expect(try peak { $0.height = 512 } > least)
        #expect(try peak { $0.width = 512 } > least)
        #expect(try peak { $0.numImagesPerPrompt = 9 } > least)
        #expect(try peak { $0.prompts = Array(repeating: "a", count: 9) } > least)
        #expect(try peak { $0.maxSequenceLength = 512 } > least)
    }

    @Test func findsDamageWithoutReadingWeights() throws {
        let copy = try TinyCheckpoint()
        try copy.rewriteTensors(of: "vae") { tensors in
            tensors.removeAll { $0.name == "decoder.conv_in.bias" }
        }
        #expect(throws: WeightError.self) {
            try Flux1(CheckpointFolder(copy.path)).load(PipelineOptions())
        }
    }
}
