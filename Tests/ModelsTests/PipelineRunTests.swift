import Diffusion
import Layers
import Models
import Synchronization
import TestKit
import Testing

/// A request can pause after every step, so that others may share the device.
@DeviceActor @Suite struct PipelineRunTests {
    private func request(_ seed: UInt64, _ model: any ModelFamily) throws -> GenerationRequest {
        var request = GenerationRequest(prompts: ["a boat \(seed)"])
        (request.height, request.width, request.numInferenceSteps) = (32, 48, 3)
        (request.seeds, request.maxSequenceLength) = ([seed], 16)
        if model is Wan { request.numFrames = 5 }
        return try model.resolve(request)
    }

    /// What every run makes if they advance in turn.
    private func interleaved(_ pipeline: Pipeline, _ requests: [GenerationRequest]) throws -> [PixelBatch?] {
        let collectors = requests.map { _ in OutputCollector() }
        let runs = try zip(requests, collectors).map { request, collector in
            try pipeline.open(request, observe: { _ in }, trace: nil, deliver: collector.add)
        }
        var pieces = 0
        while runs.contains(where: { !$0.isOver }) {
            for run in runs where !run.isOver { try run.advance() }
            pieces += 1
        }
        // Prompts, three steps, and pixels; two transformers take their steps one after the other.
        #expect(pieces == 5)
        #expect(runs.allSatisfy { $0.times.denoise.count == 3 })
        return collectors.map(\.pixels)
    }

    @Test(arguments: ["flux1-tiny-dev", "wan2.1-tiny-t2v", "wan2.2-tiny-t2v-a14b"], [nil, 1])
    func givesTheSameWhateverRunsInBetween(_ name: String, _ spare: Int?) throws {
        let model = try TinyModel(name).model()
        let requests = try [1, 2, 3].map { try request($0, model) }
        // With as little memory as can be, a stage reads its weights again when another had to let them go.
        let least = try model.memory(of: requests[0], PipelineOptions()).leastPeak
        let pipeline = try model.load(PipelineOptions(memoryLimit: spare.map { least + $0 }))
        let expected = try requests.map { request in
            let collector = OutputCollector()
            _ = try pipeline.generate(request, observe: { _ in }, trace: nil, deliver: collector.add)
            return collector.pixels
        }
        #expect(try interleaved(pipeline, requests) == expected)
        #expect(Set(expected.map { $0?.bytes ?? [] }).count == 3)
    }

    @Test func stopsBetweenTwoPiecesWhenItsTaskIsCancelled() async throws {
        let delivered = Mutex(0)
        let task = Task { @DeviceActor in
            let model = try TinyModel().model()
            let run = try model.load(PipelineOptions()).open(
                request(1, model), observe: { _ in }, trace: nil, deliver: { _ in delivered.withLock { $0 += 1 } })
            for _ in 0..<2 { try run.advance() }
            withUnsafeCurrentTask { $0?.cancel() }
            try run.finish()
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(delivered.withLock { $0 } == 0)
    }
}
