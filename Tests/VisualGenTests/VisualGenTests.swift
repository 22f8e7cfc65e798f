import Engine
import Foundation
import Synchronization
import TestKit
import Testing
import VisualGen

@Suite(.serialized) struct VisualGenTests {
    private static func engine(_ change: (inout VisualGenArgs) -> Void = { _ in }) async throws -> VisualGen {
        var args = VisualGenArgs()
        (args.model, args.threads, args.workerMode) = (TinyCheckpoint.path(), 1, .inProcess)
        args.compilationConfig.skipWarmup = true
        change(&args)
        return try await VisualGen(args: args)
    }

    private static func params(seed: UInt64? = 42, steps: Int = 3) -> VisualGenParams {
        var params = VisualGenParams()
        (params.height, params.width, params.numInferenceSteps) = (32, 32, steps)
        (params.maxSequenceLength, params.seed) = (16, seed)
        return params
    }

    @Test func drawsTheSameInAProcessOfItsOwnAndInThisOne() async throws {
        let (here, there) = try await (Self.engine(), Self.engine { $0.workerMode = .process })
        let first = try await here.generate("a lake", params: Self.params())
        let second = try await there.generate("a lake", params: Self.params())
        #expect(first.images == second.images)
        #expect(first.image?.pixels.count == 32 * 32 * 3)
        #expect(first.metrics?.steps.count == 3)
        #expect(try #require(first.metrics).generation > 0)
        await there.shutdown()
        await #expect(throws: VisualGenError.unavailable("the engine is shut down")) {
            try await there.generate("a lake", params: Self.params())
        }
    }

    @Test func tellsWhatChangesNothing() async throws {
        let engine = try await Self.engine()
        var params = Self.params(steps: 1)
        params.negativePrompt = "dogs"
        let note = "negative_prompt has no effect: true_cfg_scale is 1.0, and it counts only above 1"
        #expect(try await engine.generate("a lake", params: params).warnings == [note])
        params.extraParams = ["true_cfg_scale": 2]
        #expect(try await engine.generate(["a lake"], params: params).map(\.warnings) == [[]])
    }

    /// Of a list each prompt is asked about, and what is blocked leaves no file.
    @Test func asksTheGuardrailThatIsConfigured() async throws {
        let checker = try await FakeChecker(prompt: .blockPrompt("an owl"), output: .blockPrompt("a wolf"))
        let engine = try await Self.engine { $0.guardrailConfig.url = checker.url }
        let outputs = try await engine.generate(["a lake", "an owl", "a wolf"], params: Self.params(steps: 1))
        #expect(
            outputs.map(\.error) == [
                nil, .blocked("the guardrail does not allow the prompt"),
                .blocked("the guardrail does not allow what was made"),
            ])
        #expect(outputs.map(\.images.count) == [1, 0, 0])
        #expect(checker.questions.map(\.prompt) == ["a lake", "a lake", "an owl", "a wolf", "a wolf"])
        let folder = try TemporaryFolder()
        await #expect(throws: VisualGenError.blocked("the guardrail does not allow what was made")) {
            try await engine.generate("a wolf", params: Self.params(steps: 1), savingTo: folder.file("a.png"))
        }
        #expect(folder.names.isEmpty)
        _ = try await engine.generate("a lake", params: Self.params(steps: 1), savingTo: folder.file("a.png"))
        #expect(folder.names == ["a.png"])
    }

    @Test func quantisesWhatIsAskedFor() async throws {
        let params = Self.params()
        let plain = try await Self.engine().generate("a lake", params: params).images
        var images: [[GeneratedImage]] = []
        for mode in [VisualGenArgs.WorkerMode.inProcess, .process] {
            let engine = try await Self.engine {
                $0.workerMode = mode
                $0.quantConfig.quantAlgo = .fp8
                $0.quantConfig.ignore = ["proj_out", "nothing"]
            }
            #expect(engine.warnings == ["quant_config.ignore has nothing, which is no layer's name"])
            images.append(try await engine.generate("a lake", params: params).images)
            await engine.shutdown()
        }
        #expect(images[0] == images[1] && images[0] != plain)
    }

    @Test func twoEnginesServeSideBySide() async throws {
        let engines = try await (Self.engine { $0.workerMode = .process }, Self.engine { $0.workerMode = .process })
        let expected = try await Self.engine().generate("a lake", params: Self.params()).images
        for _ in 0..<3 {
            async let first = engines.0.generate("a lake", params: Self.params())
            async let second = engines.1.generate("a lake", params: Self.params())
            let images = try await (first.images, second.images)
            #expect(images.0 == expected && images.1 == expected)
        }
        await engines.0.shutdown()
        #expect(try await engines.1.generate("a lake", params: Self.params()).images == expected)
        await engines.1.shutdown()
    }

    @Test func aPromptsImageDoesNotDependOnTheListAroundIt() async throws {
        let engine = try await Self.engine()
        let alone = try await engine.generate("a lake", params: Self.params())
        let list = try await engine.generate(["a house", "a lake", "a lake"], params: Self.params())
        #expect(list.map(\.prompt) == ["a house", "a lake", "a lake"])
        #expect(list[1].images == alone.images)
        #expect(list[2].images == alone.images)
        #expect(list[0].images != alone.images)
        #expect(Set(list.map(\.requestID)).count == 1)
    }

    @Test func everyPromptOfAListMayHaveItsOwnParameters() async throws {
        let engine = try await Self.engine()
        let params = [Self.params(seed: 1), Self.params(seed: 2, steps: 2)]
        let list = try await engine.generate(["a lake", "a lake"], params: params)
        #expect(list.map(\.seed) == [1, 2])
        #expect(list.map { $0.metrics?.steps.count } == [3, 2])
        let second = try await engine.generate("a lake", params: params[1])
        #expect(list[1].images == second.images)
    }

    @Test func aSeedThatIsNotGivenIsDrawnAndTold() async throws {
        let engine = try await Self.engine()
        let drawn = try await engine.generate(["a lake", "a lake"], params: Self.params(seed: nil))
        #expect(drawn[0].seed != drawn[1].seed)
        let again = try await engine.generate("a lake", params: Self.params(seed: drawn[0].seed))
        #expect(again.images == drawn[0].images)
    }

    @Test func tellsItsDefaultsAndParameters() async throws {
        let engine = try await Self.engine()
        let defaults = engine.defaultParams
        #expect(defaults.numInferenceSteps == 50)
        #expect(defaults.guidanceScale == 3.5)
        #expect(defaults.maxSequenceLength == 512)
        #expect(defaults.numFrames == nil)
        #expect(engine.extraParamSpecs["true_cfg_scale"]?.kind == .number(0...1000))
    }

    @Test func tellsEveryProblemOfARequestAtOnceAndBeforeAnythingIsDone() async throws {
        let engine = try await Self.engine()
        var params = Self.params()
        (params.numInferenceSteps, params.height, params.numFrames) = (0, -1, 5)
        params.extraParams = ["true_cfg_scal": 2]
        let error = #expect(throws: VisualGenError.self) { try engine.generateAsync("a lake", params: params) }
        guard case .invalidParameters(let problems) = error else {
            Issue.record("invalid parameters are told as something else")
            return
        }
        for field in ["num_inference_steps", "height", "num_frames", "true_cfg_scal"] {
            #expect(problems.contains { $0.contains(field) }, "\(problems)")
        }
        #expect(problems.count == 4)
        #expect("\(try #require(error))".hasPrefix("Parameter validation failed:\n- "))
    }

    @Test func refusesEmptyListsAndUnevenOnes() async throws {
        let engine = try await Self.engine()
        await #expect(throws: VisualGenError.invalidParameters(["prompt is needed"])) {
            try await engine.generate([String]())
        }
        await #expect(throws: VisualGenError.self) {
            try await engine.generate(["a", "b"], params: [Self.params()])
        }
    }

    @Test func tellsProgressStepByStepAndWhenItIsDone() async throws {
        let engine = try await Self.engine()
        let result = try engine.generateAsync(["a lake", "a house"], params: [Self.params(), Self.params()])
        var seen: [VisualGenProgress] = []
        for await progress in result.progress { seen.append(progress) }
        #expect(
            seen.filter { $0.item == 1 }.map(\.stage) == [.encodingText]
                + (0...3).map {
                    .denoising(step: $0, of: 3)
                } + [.decoding])
        #expect(try await result.value.count == 2)
        #expect(result.isDone)
    }

    @Test func aRequestCanBeCalledOff() async throws {
        let engine = try await Self.engine()
        let result = try engine.generateAsync("a lake", params: Self.params(steps: 1000))
        var last = 0
        for await progress in result.progress {
            guard case .denoising(let step, _) = progress.stage else { continue }
            last = step
            if step == 2 { result.cancel() }
        }
        await #expect(throws: CancellationError.self) { try await result.value }
        #expect(last < 1000)
        #expect(try await engine.generate("a lake", params: Self.params()).images.count == 1)
    }

    @Test func aRequestThatTakesTooLongIsCalledOff() async throws {
        let engine = try await Self.engine()
        let result = try engine.generateAsync("a lake", params: Self.params(steps: 1000))
        await #expect(throws: VisualGenError.timedOut(seconds: 0.05)) {
            try await result.value(timeout: .milliseconds(50))
        }
        await #expect(throws: CancellationError.self) { try await result.value }
        let enough = try engine.generateAsync("a lake", params: Self.params())
        #expect(try await enough.value(timeout: .seconds(60)).images.count == 1)
    }

    @Test func savesEachImageUnderItsNumber() async throws {
        let engine = try await Self.engine()
        var params = Self.params()
        params.numImagesPerPrompt = 2
        let output = try await engine.generate("a lake", params: params)
        let folder = try TemporaryFolder()
        let paths = try output.save(folder.file("lake.png"))
        #expect(paths == [folder.file("lake-0.png"), folder.file("lake-1.png")])
        for path in paths { #expect(FileManager.default.fileExists(atPath: path)) }
        #expect(try output.save(folder.file("%d.jpg"), quality: 50) == [folder.file("0.jpg"), folder.file("1.jpg")])
        try output.save(folder.file("%d"), format: "png")
        let image = try Data(contentsOf: URL(fileURLWithPath: folder.file("1")))
        #expect(image.range(of: Data("a lake".utf8)) != nil)
        #expect(throws: VisualGenError.self) { try output.save(folder.file("lake.bmp")) }
        #expect(throws: VisualGenError.invalidParameters(["format is bmp; it must be png, jpeg or webp"])) {
            try output.save(folder.file("lake.png"), format: "bmp")
        }
        #expect(throws: VisualGenError.self) { try output.save("/nowhere/lake.png") }
        #expect(throws: VisualGenError.invalidParameters(["quality is 0; it must be from 1 to 100"])) {
            try output.save(folder.file("lake.jpg"), quality: 0)
        }
    }

    @Test func refusesWhatThisBuildDoesNotHaveBeforeLoading() async throws {
        await #expect(throws: ConfigurationError.self) {
            try await Self.engine {
                var cache = CacheDiTConfig()
                cache.fnComputeBlocks = 9
                $0.cacheConfig = .cacheDiT(cache)
            }
        }
        await #expect(throws: ConfigurationError.self) { try await VisualGen() }
        await #expect(throws: VisualGenError.model("there is no model at /nowhere")) {
            try await VisualGen(model: "/nowhere")
        }
        await #expect(throws: ConfigurationError.self) {
            try await Self.engine { $0.pipelineConfig = ["text_encoder_path": "x"] }
        }
    }

    /// LTX-2 has such settings, and reads them with the model.
    @Test func givesTheModelItsPipelineConfig() throws {
        var args = VisualGenArgs()
        args.pipelineConfig = ["text_encoder_path": .string(TinyCheckpoint.path(of: "ltx2-tiny"))]
        let model = try args.worker(at: TinyCheckpoint.path(of: "ltx2-tiny")).open()
        #expect(args.problems(of: model).isEmpty)
        args.pipelineConfig = ["text_encoder_path": 3]
        let error = try #require(throws: (any Error).self) {
            try args.worker(at: TinyCheckpoint.path(of: "ltx2-tiny")).open()
        }
        #expect("\(error)" == "pipeline_config.text_encoder_path must be a path")
    }

    @Test func tellsWhatItCanRun() throws {
        #expect(VisualGen.supportedModels().contains("black-forest-labs/FLUX.1-dev"))
        for name in ["black-forest-labs/FLUX.1-schnell", "FluxPipeline", TinyCheckpoint.path()] {
            #expect(try VisualGen.pipelineConfig(for: name).isEmpty)
        }
        #expect(throws: VisualGenError.self) { try VisualGen.pipelineConfig(for: "nobody/nothing") }
    }

    @Test func warmsUpAsConfiguredAndSkipsWhatTheModelCannotMake() async throws {
        let engine = try await Self.engine {
            $0.compilationConfig.skipWarmup = false
            $0.compilationConfig.resolutions = [Resolution(height: 32, width: 48), Resolution(height: 3, width: 3)]
        }
        #expect(engine.startup.warmUp > 0)
        #expect(engine.startup.skippedSizes.count == 1)
        let cold = try await Self.engine()
        #expect(cold.startup.warmUp < 0.01)
    }

    @Test func readsParametersByName() throws {
        let params = try VisualGenParams(dictionary: [
            "height": 64, "seed": -1, "guidance_scale": 2, "extra_params": ["true_cfg_scale": 4],
        ])
        #expect(params.height == 64)
        #expect(params.seed == .max)
        #expect(params.guidanceScale == 2)
        #expect(params.extraParams == ["true_cfg_scale": 4])
        let error = #expect(throws: ConfigurationError.self) {
            try VisualGenParams(dictionary: ["heigth": 64, "width": "wide"])
        }
        #expect(error?.problems.count == 2)
    }
}
