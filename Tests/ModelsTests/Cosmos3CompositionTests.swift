import Diffusion
import Layers
import Models
import Parallel
import Tensors
import TestKit
import Testing

/// What Cosmos3 goes together with where its two towers make a difference.
@DeviceActor @Suite struct Cosmos3CompositionTests {
    private let model = TinyModel("cosmos3-tiny")

    private func request(steps: Int = 8) -> GenerationRequest {
        var request = GenerationRequest(prompts: ["a lake"])
        (request.height, request.width, request.numFrames, request.frameRate) = (32, 64, 9, 25)
        (request.numInferenceSteps, request.seeds) = (steps, [1])
        request.extra["enable_audio"] = .bool(true)
        return request
    }

    private static func blocks(_ threshold: Double) -> StepCacheSettings {
        var settings = DualBlockSettings()
        (settings.threshold, settings.warmUpSteps, settings.firstBlocks) = (threshold, 2, 1)
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

    @Test func leavesStepsOutOfEitherBranch() throws {
        let plain = try model.run(request(), plan: ComputePlan()).1
        for settings in [Self.blocks(0.9), Self.tea(1000)] {
            let (times, trace) = try model.run(request(), settings)
            let branches = try #require(times.cache).branches
            #expect(!branches.isEmpty && branches.allSatisfy { !$0.skipped.isEmpty })
            for name in ["latents.step7", "audio_latents.step7"] {
                let (found, whole) = (try #require(trace[name]), try #require(plain[name]))
                #expect(found.values != whole.values && found.values.allSatisfy(\.isFinite))
            }
        }
    }

    /// Layers of both towers are quantised, those at the ends and of time are not, and predictions move a little.
    @Test(arguments: QuantAlgorithm.allCases) func predictsNearlyTheSameInFewBits(_ algorithm: QuantAlgorithm) throws {
        let sizes = [
            "hidden_size": 64, "intermediate_size": 128, "head_dim": 32, "num_attention_heads": 4,
            "num_key_value_heads": 2, "num_hidden_layers": 2, "latent_channel": 6, "patch_latent_dim": 24,
            "vocab_size": 50,
        ]
        let config = try Cosmos3.TransformerConfig.defaults(changing: sizes)
        func prediction(_ plan: ComputePlan) throws -> [Float] {
            let context = ComputeContext(plan)
            let transformer = try Cosmos3.Transformer(Weights(RandomWeights(), context), config)
            let input = try Cosmos3.Transformer.Input(
                video: Generator(seed: 5).normal([1, 6, 2, 4, 6]), prompts: [Cosmos3.Prompt([1, 2, 3, 4, 5, 6])],
                rate: 24, timestep: 500)
            return try BlockRunner(transformer, context).predict(input)[0].floats()
        }
        let exact = try prediction(ComputePlan())
        let found = try prediction(ComputePlan(quantization: QuantizationPlan(algorithm)))
        func norm(_ values: [Float]) -> Float { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }
        let distance = norm(zip(found, exact).map { $0 - $1 }) / norm(exact)
        #expect(distance > 0 && distance < 0.2)

        let listing = try #require(try model.model().components.first { $0.name == "transformer" }).listing(of: nil)
        let quantised = listing.linears.filter { !$0.traits.keepsBits }.map(\.name)
        // Seven of either tower's layers, but two of the last one that reads.
        #expect(quantised.count == 3 * 14 - 5)
        #expect(quantised.allSatisfy { $0.hasPrefix("layers.") })
    }

    /// The more ranks share the tokens, the less each is told to hold in a step; those that share the weights have fewer.
    @Test func forecastsLessForMoreRanks() throws {
        let family = try model.model()
        var asked = request()
        (asked.height, asked.width, asked.numFrames) = (720, 1280, 189)
        let resolved = try family.resolve(asked)
        func denoising(_ change: (inout ParallelLayout) -> Void) throws -> (weights: Int, activations: MemorySize) {
            var options = PipelineOptions()
            change(&options.plan.parallel)
            let forecast = try family.memory(of: resolved, options)
            let stage = try #require(forecast.stages.last { $0.components.contains("transformer") })
            return (try #require(family.weights(options.plan)["transformer"]?.bytes), stage.activations)
        }
        let alone = try denoising { _ in }
        let layouts: [(inout ParallelLayout, Int) -> Void] = [
            { $0.ulysses = $1 }, { $0.context = .ring($1) }, { $0.context = .mesh(rows: $1 / 2, columns: 2) },
        ]
        for layout in layouts {
            let (few, many) = (try denoising { layout(&$0, 2) }, try denoising { layout(&$0, 8) })
            #expect(few.weights == alone.weights && many.weights == alone.weights)
            #expect(many.activations < few.activations)
        }
        #expect(try denoising { $0.tensor = 2 }.weights < alone.weights)
    }

    @Test func readsOlderNamesOfTheSoundTokenizer() throws {
        let names = try Cosmos3OldNames.all()
        let golden = try Golden("cosmos3/sound-tokenizer")
        for isFolded in [false, true] {
            let copy = try TinyCheckpoint(copying: "cosmos3-tiny")
            try copy.rewriteTensors(of: "sound_tokenizer") { tensors in
                tensors = try Cosmos3OldNames.renamed(tensors, names, isFolded: isFolded)
            }
            let decoder = try TinyModel(copy).module("sound_tokenizer", Cosmos3AVAEAudioTokenizer.init)
            let found = try decoder.decode(golden.tensor("pair.input").onDevice())
            #expect(try found.distance(to: golden.tensor("pair.output")) <= (isFolded ? 1e-4 : 1e-5))
        }
    }
}
