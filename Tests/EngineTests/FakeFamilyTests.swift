import Diffusion
import Engine
import Foundation
import Layers
import Synchronization
import Tensors
import TestKit
import Testing

/// What the seams carry: a family with two latents, sound, grouped heads, a mask and four branches of guidance.
@Suite(.serialized) struct FakeFamilyTests {
    private static let checkpoint = Result { try FakeCheckpoint() }

    private static func worker(_ change: (inout PipelineOptions) -> Void = { _ in }) async throws -> InProcessWorker {
        let model = try checkpoint.get().model
        var configuration = WorkerConfiguration(model: model.checkpoint.path)
        (configuration.options, configuration.threads) = (PipelineOptions(ComputePlan(dtype: .float32)), 1)
        change(&configuration.options)
        let worker = try InProcessWorker(configuration) { _ in model }
        _ = try await worker.start { _ in }
        return worker
    }

    private static func request(_ change: (inout GenerationRequest) -> Void = { _ in }) throws -> GenerationRequest {
        var request = GenerationRequest(prompts: ["a lake", "a dog that barks"])
        request.seeds = [1, 2]
        change(&request)
        return try checkpoint.get().model.resolve(request)
    }

    private static func distance(_ a: SoundPart?, _ b: SoundPart?) -> Float {
        guard let a, let b, a.shape == b.shape else { return .infinity }
        return zip(a.samples, b.samples).map { abs($0 - $1) }.max() ?? .infinity
    }

    @Test func soundComesFirstAndThenEveryFrame() async throws {
        let worker = try await Self.worker()
        let kinds = Mutex<[String]>([])
        let collector = OutputCollector()
        _ = try await worker.generate(Self.request(), observe: { _ in }) { part in
            collector.add(part)
            switch part {
            case .sound: kinds.withLock { $0.append("sound") }
            case .pixels(let part): kinds.withLock { $0.append("\(part.firstFrame)") }
            }
        }
        #expect(kinds.withLock { $0 } == ["sound", "0", "1", "2", "3", "4"])
        let sound = try #require(collector.sound)
        #expect(sound.shape == SoundShape(count: 2, channels: 2, samples: 5000, rate: 8000))
        #expect(collector.pixels?.shape == PixelShape(count: 2, frames: 5, height: 8, width: 12))
        // Each video and its sound come of its own prompt and seed, whatever it is computed with.
        var alone = try Self.request()
        (alone.prompts, alone.seeds) = (["a dog that barks"], [2])
        let second = try await worker.generate(alone)
        #expect(Self.distance(second.sound, sound.share(1, of: 2)) < 1e-4)
    }

    /// Each branch of guidance changes both latents.
    @Test func everyPartOfARequestCounts() async throws {
        let worker = try await Self.worker()
        let first = try await worker.generate(Self.request())
        let changes: [(inout GenerationRequest) -> Void] = [
            { $0.guidanceScale = 5 }, { $0.extra["modality_scale"] = .number(4) }, { $0.negativePrompts = ["rain"] },
            { $0.prompts[0] = "a cake" }, { $0.seeds = [3, 2] },
        ]
        for change in changes {
            let other = try await worker.generate(Self.request(change))
            #expect(other.sound != first.sound && other.pixels != first.pixels)
        }
    }

    @Test func stepCachesLeaveOutBlocksOfBothLatents() async throws {
        var settings = DualBlockSettings()
        (settings.threshold, settings.warmUpSteps) = (10, 1)
        let method = StepCacheSettings.Method.dualBlock(settings)
        let cached = try await Self.worker { $0.stepCache = StepCacheSettings(method) }.generate(Self.request())
        let report = try #require(cached.times.cache)
        #expect(report.branches.contains { !$0.skipped.isEmpty })
        let whole = try await Self.worker().generate(Self.request())
        #expect(cached.sound != whole.sound && whole.times.cache == nil)
    }

    @Test func theForecastOfMemoryIsAsked() async throws {
        let model = try Self.checkpoint.get().model
        var options = PipelineOptions(ComputePlan(dtype: .float32))
        let forecast = try model.memory(of: Self.request(), options)
        #expect(forecast.stages.count == 3 && forecast.weights.count == 3)
        options.memoryLimit = 10_000
        #expect(throws: InvalidRequest.self) { try Admission(model, options).admit(Self.request()) }
        options.memoryLimit = nil
        #expect(try Admission(model, options).admit(Self.request()).forecast == forecast)
    }
}
