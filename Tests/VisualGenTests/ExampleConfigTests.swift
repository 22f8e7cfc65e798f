import Foundation
import TestKit
import Testing
import VisualGen

/// Every file of `Examples/configs` is honoured: a tiny model is loaded and run with it.
@Suite(.serialized) struct ExampleConfigTests {
    private static let folder = URL(fileURLWithPath: Golden.folder).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Examples/configs").path

    private static func engine(_ config: String, _ model: String = "flux1-tiny-dev") async throws -> VisualGen {
        let overrides: [String: ConfigValue] = [
            "model": .string(TinyCheckpoint.path(of: model)), "worker_mode": "in_process",
        ]
        return try await VisualGen(args: VisualGenArgs(yaml: "\(folder)/\(config).yaml", overrides: overrides))
    }

    private static func params(frames: Int? = nil) -> VisualGenParams {
        var params = VisualGenParams()
        (params.height, params.width, params.numFrames, params.numInferenceSteps) = (32, 32, frames, 10)
        (params.maxSequenceLength, params.seed) = (16, 42)
        return params
    }

    private static func cache(of output: VisualGenOutput) throws -> [CachedSteps] {
        try #require(output.metrics).cache
    }

    @Test func allOfThemAreTested() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder).sorted()
        #expect(
            names == [
                "dbcache-step-mask.yaml", "dbcache-taylorseer.yaml", "exact.yaml", "serve-warm.yaml",
                "small-memory.yaml", "teacache-coefficients.yaml",
            ])
    }

    @Test(arguments: ["exact", "small-memory"]) func makesAnImage(_ config: String) async throws {
        let output = try await Self.engine(config).generate("a lake", params: Self.params())
        #expect(output.image?.pixels.count == 32 * 32 * 3)
    }

    @Test func exactIsTheNumbersOfFloat32() async throws {
        var args = VisualGenArgs()
        (args.model, args.dtype, args.workerMode) = (TinyCheckpoint.path(), .float32, .inProcess)
        args.compilationConfig.skipWarmup = true
        let expected = try await VisualGen(args: args).generate("a lake", params: Self.params())
        let engine = try await Self.engine("exact")
        #expect(engine.startup.warmUp < 0.01)
        #expect(try await engine.generate("a lake", params: Self.params()).images == expected.images)
    }

    @Test func serveWarmRunsBothSizesFirst() async throws {
        let engine = try await Self.engine("serve-warm")
        #expect(engine.startup.warmUp > 0)
        #expect(engine.startup.skippedSizes == [])
    }

    @Test func theMaskSkipsTheSameStepsInEveryRequest() async throws {
        let engine = try await Self.engine("dbcache-step-mask")
        for prompt in ["a lake", "a house"] {
            let output = try await engine.generate(prompt, params: Self.params())
            #expect(try Self.cache(of: output).map(\.skippedSteps) == [[2, 4, 5, 7, 8]])
        }
    }

    /// What a tiny random model computes cannot be predicted: the bound ends caching at the first comparison.
    @Test func theBoundEndsCachingForAModelThatCannotBePredicted() async throws {
        let output = try await Self.engine("dbcache-taylorseer").generate("a lake", params: Self.params())
        let cache = try #require(Self.cache(of: output).first)
        #expect(cache.stoppedAt == 7)
        #expect(cache.skippedSteps == [])
        #expect(try #require(cache.errors[7]) > 0.15)
    }

    @Test func bothTransformersOfWanAreCached() async throws {
        let engine = try await Self.engine("teacache-coefficients", "wan2.2-tiny-t2v-a14b")
        let output = try await engine.generate("a lake", params: Self.params(frames: 5))
        #expect(output.video?.frameCount == 5)
        #expect(Set(try Self.cache(of: output).map(\.transformer)) == [0, 1])
    }
}
