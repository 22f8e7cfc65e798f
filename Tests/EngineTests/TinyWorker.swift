import Diffusion
import Engine
import Layers
import Models
import Tensors
import TestKit

/// What the tests of workers ask for: a tiny checkpoint, small requests, and a worker that is replaced soon.
enum TinyWorker {
    static func configuration() -> WorkerConfiguration {
        var configuration = WorkerConfiguration(model: TinyCheckpoint.path())
        (configuration.options.plan.dtype, configuration.threads) = (.float32, 1)
        return configuration
    }

    static func request(steps: Int = 4, seed: UInt64 = 42) throws -> GenerationRequest {
        var request = GenerationRequest(prompts: ["A cat holding a sign that says hello world."])
        (request.height, request.width, request.numInferenceSteps) = (32, 32, steps)
        (request.seeds, request.maxSequenceLength) = ([seed], 16)
        return try Flux1(CheckpointFolder(TinyCheckpoint.path())).resolve(request)
    }

    static func limits(_ change: (inout WorkerLimits) -> Void = { _ in }) -> WorkerLimits {
        var limits = WorkerLimits()
        (limits.firstDelay, limits.longestDelay) = (.milliseconds(10), .milliseconds(200))
        change(&limits)
        return limits
    }

    static func expected(steps: Int = 4) async throws -> PixelBatch {
        let worker = try InProcessWorker(configuration())
        _ = try await worker.start { _ in }
        return try await worker.generate(request(steps: steps)) { _ in }.pixels
    }
}
