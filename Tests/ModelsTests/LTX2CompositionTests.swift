import Diffusion
import Layers
import Models
import Parallel
import Tensors
import TestKit
import Testing

/// What LTX-2 goes together with where its two streams make a difference.
@DeviceActor @Suite struct LTX2CompositionTests {
    private let model = TinyModel("ltx2.3-tiny")

    private func request(steps: Int = 8) -> GenerationRequest {
        var request = GenerationRequest(prompts: ["a lake"])
        (request.height, request.width, request.numFrames, request.frameRate) = (32, 64, 9, 25)
        (request.numInferenceSteps, request.seeds, request.maxSequenceLength) = (steps, [1], 16)
        return request
    }

    private static func blocks(_ threshold: Double, first: Int = 1, last: Int = 0, warmUp: Int = 2) -> StepCacheSettings
    {
        var settings = DualBlockSettings()
        (settings.threshold, settings.warmUpSteps) = (threshold, warmUp)
        (settings.firstBlocks, settings.lastBlocks) = (first, last)
        return StepCacheSettings(.dualBlock(settings))
    }

    private static func tea(_ threshold: Double) -> StepCacheSettings {
        var settings = TeaCacheSettings()
        (settings.threshold, settings.coefficients) = (threshold, [1, 0])
        return StepCacheSettings(.teaCache(settings))
    }

    @Test func changesNothingAtAThresholdOfZero() throws {
        let plain = try model.run(request(), plan: ComputePlan()).1
        for settings in [Self.blocks(0), Self.tea(0)] {
            let (times, trace) = try model.run(request(), settings)
            #expect(try #require(times.cache).branches.allSatisfy { $0.skipped.isEmpty })
            #expect(trace.mapValues(\.values) == plain.mapValues(\.values))
        }
    }

    @Test func leavesStepsOutOfEachOfFourBranches() throws {
        let plain = try model.run(request(), plan: ComputePlan()).1
        for settings in [Self.blocks(0.9), Self.tea(1000)] {
            let (times, trace) = try model.run(request(), settings)
            let branches = try #require(times.cache).branches
            #expect(branches.map(\.guidance) == [0, 1, 2, 3])
            #expect(branches.allSatisfy { !$0.skipped.isEmpty })
            for name in ["latents.step7", "audio_latents.step7"] {
                let (found, whole) = (try #require(trace[name]), try #require(plain[name]))
                #expect(found.values != whole.values && found.values.allSatisfy(\.isFinite))
            }
        }
    }

    /// A step that is left out has what both streams gained in the last one.
    @Test(arguments: [(1, 0), (1, 1), (2, 0)]) func addsWhatBothStreamsGained(_ first: Int, _ last: Int) throws {
        let transformer = try model.module("transformer", LTX2.Transformer.init)
        let settings = Self.blocks(1, first: first, last: last, warmUp: 1)
        let predict = StepPredictor<LTX2.Transformer>(settings, steps: 0..<2)
        let inputs = try (0..<2).map { step in
            let generator = try Generator(seed: UInt64(step))
            return try LTX2.Transformer.Input(
                video: generator.normal([1, 12, 8]), audio: generator.normal([1, 7, 4]),
                videoText: generator.normal([1, 16, 40]), audioText: generator.normal([1, 16, 24]), size: [2, 2, 3],
                rate: 24, timesteps: [900 - Float(step) * 300], timestep: 900 - Float(step) * 300)
        }
        let context = ComputeContext(ComputePlan())
        _ = try predict(transformer, [inputs[0]], of: 0..<1, context)
        let found = try predict(transformer, [inputs[1]], of: 0..<1, context)[0]
        #expect(predict.report?.branches[0].skipped == [1])

        let middle = first..<transformer.blockCount - last
        var (before, state) = (try transformer.begin(inputs[0]), try transformer.begin(inputs[1]))
        for index in 0..<first { try transformer.block(index, &before) }
        var after = before
        for index in middle { try transformer.block(index, &after) }
        for index in 0..<first { try transformer.block(index, &state) }
        (state.video, state.audio) = (
            try state.video + (after.video - before.video), try state.audio + (after.audio - before.audio)
        )
        for index in middle.upperBound..<transformer.blockCount { try transformer.block(index, &state) }
        let expected = try transformer.finish(state).map { try $0.floats() }
        #expect(try found.map { try $0.floats() } == expected)
    }

    /// The more ranks share the tokens, the less each is told to hold in a step; those that share the weights have fewer.
    @Test func forecastsLessForMoreRanks() throws {
        let family = try model.model()
        var asked = request()
        (asked.height, asked.width, asked.numFrames) = (512, 768, 121)
        let resolved = try family.resolve(asked)
        func denoising(_ change: (inout ParallelLayout) -> Void) throws -> (weights: Int, activations: MemorySize) {
            var options = PipelineOptions()
            change(&options.plan.parallel)
            let forecast = try family.memory(of: resolved, options)
            let stage = try #require(forecast.stages.first { $0.components.contains("transformer") })
            return (try #require(family.weights(options.plan)["transformer"]?.bytes), stage.activations)
        }
        let alone = try denoising { _ in }
        let guided = try denoising { $0.guidance = 2 }
        #expect(guided.weights == alone.weights && guided.activations == alone.activations)
        let layouts: [(inout ParallelLayout, Int) -> Void] = [
            { $0.ulysses = $1 }, { $0.context = .ring($1) }, { $0.context = .mesh(rows: $1 / 2, columns: 2) },
        ]
        for layout in layouts {
            let (few, many) = (try denoising { layout(&$0, 2) }, try denoising { layout(&$0, 8) })
            #expect(few.weights == alone.weights && many.weights == alone.weights)
            #expect(many.activations < few.activations)
        }
        let cut = try denoising { $0.tensor = 2 }
        #expect(cut.weights < alone.weights)
    }
}
