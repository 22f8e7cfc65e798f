import Diffusion
import Engine
import Foundation
import Layers
import Models
import Synchronization
import Tensors
import TestKit
import Testing

@Suite(.serialized) struct LocalWorkerTests {
    private static func request(_ change: (inout GenerationRequest) -> Void = { _ in }) throws -> GenerationRequest {
        var request = GenerationRequest(prompts: ["A cat holding a sign that says hello world."])
        (request.height, request.width, request.numInferenceSteps) = (32, 32, 3)
        (request.seeds, request.maxSequenceLength) = ([42], 32)
        change(&request)
        return try model().resolve(request)
    }

    private static func model(at path: String = TinyCheckpoint.path()) throws -> Flux1 {
        try Flux1(CheckpointFolder(path))
    }

    private static func loaded(_ path: String = TinyCheckpoint.path()) async throws -> LocalWorker {
        let worker = LocalWorker(device: .cpu)
        try await worker.load(model(at: path), PipelineOptions())
        return worker
    }

    @Test func tellsEveryStageInOrder() async throws {
        let seen = Mutex<[Diffusion.Progress]>([])
        let worker = LocalWorker(device: .cpu, threads: 1)
        try await worker.load(Self.model(), PipelineOptions()) { progress in
            seen.withLock { $0.append(progress) }
        }
        let result = try await worker.generate(Self.request()) { progress in seen.withLock { $0.append(progress) } }
        let loading = ["text_encoder", "text_encoder_2", "transformer", "vae"].map(Diffusion.Progress.loading)
        let denoising = (0...3).map { Diffusion.Progress.denoising(step: $0, of: 3) }
        #expect(seen.withLock { $0 } == loading + [.encodingText] + denoising + [.decoding])
        #expect(result.times.denoise.count == 3)
        #expect(result.trace.isEmpty)
        #expect(result.pixels.bytes.count == 32 * 32 * 3)
    }

    @Test func givesTheSameBytesForTheSameRequest() async throws {
        let worker = try await Self.loaded()
        let first = try await worker.generate(Self.request()).pixels
        _ = try await worker.generate(Self.request { $0.seeds = [7] })
        let again = try await worker.generate(Self.request()).pixels
        let elsewhere = try await Self.loaded().generate(Self.request()).pixels
        #expect(first == again)
        #expect(first == elsewhere)
    }

    @Test(arguments: [1, 2, 3]) func givesTheReferencesImageOnEveryNumberOfThreads(_ threads: Int) async throws {
        let golden = try Golden("flux1/dev-smallest").tensor("output")
        let worker = LocalWorker(device: .cpu, threads: threads)
        try await worker.load(Self.model(), PipelineOptions())
        let asked = try Golden("flux1/dev-smallest").request()
        let request = try Self.request {
            $0.prompts = asked.prompts
            ($0.height, $0.width) = (asked.height, asked.width)
        }
        let pixels = try await worker.generate(request).pixels
        #expect(zip(pixels.bytes, golden.bytes).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
    }

    @Test func keepsATraceOnlyWhenAsked() async throws {
        let result = try await Self.loaded().generate(Self.request(), tracing: true)
        #expect(result.trace.map(\.name).contains("latents.step2"))
    }

    @Test func endsBetweenTwoStepsWhenItsTaskIsCancelled() async throws {
        let worker = try await Self.loaded()
        let steps = Mutex(0)
        let request = try Self.request { $0.numInferenceSteps = 500 }
        let task = Task {
            try await worker.generate(request) { progress in
                if case .denoising(let step, _) = progress { steps.withLock { $0 = step } }
                if case .denoising(3, _) = progress { withUnsafeCurrentTask { $0?.cancel() } }
            }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(steps.withLock { $0 } == 3)
        // The worker serves on.
        #expect(try await worker.generate(Self.request()).pixels.shape.count == 1)
    }

    @Test func endsWhenCancelledFromAnotherThread() async throws {
        let worker = try await Self.loaded()
        let request = try Self.request { $0.numInferenceSteps = 1000 }
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let task = Task {
            try await worker.generate(request) { if case .denoising(1, _) = $0 { start.finish() } }
        }
        for await _ in started {}
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func servesRequestsThatComeAtOnceOneAfterAnother() async throws {
        let worker = try await Self.loaded()
        let requests = try [1, 2, 1, 2].map { seed in try Self.request { $0.seeds = [seed] } }
        let images = try await withThrowingTaskGroup(of: (Int, PixelBatch).self) { group in
            for (index, request) in requests.enumerated() {
                group.addTask { (index, try await worker.generate(request).pixels) }
            }
            return try await group.reduce(into: [Int: PixelBatch]()) { $0[$1.0] = $1.1 }
        }
        #expect(images[0] == images[2])
        #expect(images[1] == images[3])
        #expect(images[0] != images[1])
    }

    @Test func needsAModel() async throws {
        let worker = LocalWorker(device: .cpu)
        await #expect(throws: EngineError.noModel) { try await worker.generate(Self.request()) }
    }

    @Test func takesAnotherModelInPlaceOfTheFirst() async throws {
        let worker = try await Self.loaded()
        let model = try Self.model(at: TinyCheckpoint.path(of: "flux1-tiny-schnell"))
        try await worker.load(model, PipelineOptions())
        var request = GenerationRequest(prompts: ["a"])
        (request.height, request.width, request.seeds, request.maxSequenceLength) = (32, 32, [1], 16)
        let resolved = try model.resolve(request)
        #expect(resolved.numInferenceSteps == 4)
        #expect(try await worker.generate(resolved).times.denoise.count == 4)
    }

    @Test func hasNoModelAfterAFailedLoad() async throws {
        let worker = try await Self.loaded()
        let damaged = try TinyCheckpoint()
        try damaged.truncate("vae/diffusion_pytorch_model.safetensors")
        await #expect(throws: SafetensorsError.self) {
            try await worker.load(Self.model(at: damaged.path), PipelineOptions())
        }
        await #expect(throws: EngineError.noModel) { try await worker.generate(Self.request()) }
    }
}
