import Diffusion
import Engine
import Layers
import Models
import Tensors
import TestKit
import Testing

/// What quantised layers go together with.
@DeviceActor @Suite(.serialized) struct QuantisedCompositionTests {
    nonisolated private static let ignored = [
        "x_embedder", "context_embedder", "img_in", "txt_in", "norm_out*", "*modulation*", "*time_proj*", "proj_out",
    ]

    private func plan(_ algorithm: QuantAlgorithm) -> ComputePlan {
        ComputePlan(quantization: QuantizationPlan(algorithm, ignoring: Self.ignored))
    }

    /// A whole model whose transformer has rows of a multiple of 16.
    private func model(_ family: String) throws -> TinyCheckpoint {
        switch family {
        case "wan": try TinyCheckpoint(copying: "wan2.2-tiny-t2v-a14b")
        case "cosmos3": try .wideCosmos3()
        default: try TinyCheckpoint(quantised: family)
        }
    }

    private func request(_ prompts: [String], _ family: String) -> GenerationRequest {
        var request = GenerationRequest(prompts: prompts)
        (request.height, request.width, request.numInferenceSteps) = (32, 32, 3)
        request.seeds = prompts.indices.map { UInt64($0 + 3) }
        if family == "wan" { (request.height, request.width, request.numFrames) = (16, 16, 5) }
        if family == "cosmos3" { request.numFrames = 5 }
        if family == "ltx2" {
            (request.height, request.width, request.numFrames, request.maxSequenceLength) = (64, 64, 9, 16)
        }
        return request
    }

    private func run(
        _ copy: TinyCheckpoint, _ request: GenerationRequest, _ plan: ComputePlan, _ cache: StepCacheSettings? = nil
    ) throws -> (pixels: PixelBatch, times: StageTimes) {
        let model = try TinyModel(copy).model()
        let collector = OutputCollector()
        let times = try model.load(PipelineOptions(plan, stepCache: cache))
            .generate(model.resolve(request), observe: { _ in }, trace: nil, deliver: collector.add)
        return (try #require(collector.pixels), times)
    }

    /// Inputs have scales for each item of a batch, so that what comes of one does not depend on the others.
    @Test(arguments: ["flux1", "flux2"], QuantAlgorithm.allCases)
    func makesEachImageOfABatchAsIfAlone(_ family: String, _ algorithm: QuantAlgorithm) throws {
        let copy = try model(family)
        let asked = request(["a lake", "a dog"], family)
        let both = try run(copy, asked, plan(algorithm)).pixels
        for index in 0..<2 {
            var one = asked
            (one.prompts, one.seeds) = ([asked.prompts[index]], [asked.seeds[index]])
            let alone = try run(copy, one, plan(algorithm)).pixels
            let share = Array(both.bytes[index * alone.bytes.count..<(index + 1) * alone.bytes.count])
            #expect(share == alone.bytes)
        }
    }

    /// What a checkpoint has scales for: a batch there too.
    @Test(arguments: ["flux1-fp8", "flux1-nvfp4", "flux1-int8", "flux2-mixed"])
    func makesEachImageOfABatchOfAQuantisedCheckpointAsIfAlone(_ name: String) throws {
        let copy = try TinyCheckpoint(quantised: name)
        let asked = request(["a lake", "a dog"], "flux")
        let both = try run(copy, asked, ComputePlan()).pixels
        var one = asked
        (one.prompts, one.seeds) = ([asked.prompts[1]], [asked.seeds[1]])
        #expect(try Array(both.bytes.suffix(both.bytes.count / 2)) == run(copy, one, ComputePlan()).pixels.bytes)
    }

    nonisolated static let families = ["flux1", "flux2", "qwen-image", "wan", "ltx2", "cosmos3"]

    /// All transformers of a model, and nothing else of it.
    @Test(arguments: families, QuantAlgorithm.allCases)
    func quantisesEveryFamily(_ family: String, _ algorithm: QuantAlgorithm) throws {
        let copy = try model(family)
        let model = try TinyModel(copy).model()
        if algorithm == .nvfp4, family == "wan" {
            let error = try #require(throws: QuantizationError.self) { _ = try model.weights(plan(algorithm)) }
            #expect("\(error)".contains("blocks.*.attn1.to_q has rows of 30 numbers"))
            return
        }
        #expect(try model.quantAlgorithms(plan(algorithm)) == [algorithm])
        let (before, after) = (try model.weights(ComputePlan()), try model.weights(plan(algorithm)))
        for component in model.components {
            let isSmaller = try #require(after[component.name]?.bytes) < #require(before[component.name]?.bytes)
            #expect(isSmaller == (component.role == .transformer), "\(component.name)")
        }
        let asked = request(["a lake"], family)
        let (quantised, plain) = (try run(copy, asked, plan(algorithm)), try run(copy, asked, ComputePlan()))
        #expect(quantised.pixels != plain.pixels)
    }

    /// All at once, by patterns that `ignore` takes.
    @Test func namesEveryLayerThatNVFP4CannotTake() throws {
        let model = try TinyModel("cosmos3-tiny").model()
        func weights(ignoring patterns: [String]) throws -> [String: WeightMemory] {
            try model.weights(ComputePlan(quantization: QuantizationPlan(.nvfp4, ignoring: patterns)))
        }
        let patterns = ["layers.*.mlp.down_proj", "layers.*.mlp_moe_gen.down_proj"]
        let all = try #require(throws: QuantizationError.self) { _ = try weights(ignoring: []) }
        #expect(
            "\(all)"
                == "layers.*.mlp.down_proj has rows of 44 numbers, layers.*.mlp_moe_gen.down_proj has rows of 44 numbers; "
                + "NVFP4 takes multiples of 16, and quant_config.ignore can leave layers of these names as they are")
        let one = try #require(throws: QuantizationError.self) {
            _ = try weights(ignoring: [patterns[0], "layers.[01].mlp_moe_gen.down_proj"])
        }
        #expect(
            "\(one)" == "layers.2.mlp_moe_gen.down_proj has rows of 44 numbers; NVFP4 takes multiples of 16, "
                + "and quant_config.ignore can leave a layer of this name as it is")
        #expect(try weights(ignoring: patterns)["transformer"]?.bytes ?? 0 > 0)
    }

    /// A step cache works with what the quantised blocks give.
    @Test(
        arguments: ["flux1", "qwen-image", "ltx2"],
        [
            "cache_backend: teacache, teacache_thresh: 1000, coefficients: [1, 0]",
            "cache_backend: cache_dit, max_warmup_steps: 2, residual_diff_threshold: 0.9",
        ])
    func skipsStepsWithACache(_ family: String, _ yaml: String) throws {
        // Of several blocks.
        let copy = try TinyCheckpoint(copying: QuantisedGolden.model(of: family))
        var asked = request(["a lake"], family)
        asked.numInferenceSteps = 12
        let settings = try StepCacheSettings("cache_config: {\(yaml)}")
        let report = try #require(run(copy, asked, plan(.fp8Rows), settings).times.cache)
        #expect(report.branches.contains { !$0.skipped.isEmpty })
        let none = try StepCacheSettings("cache_config: {cache_backend: cache_dit, max_warmup_steps: 12}")
        let (cached, whole) = (
            try run(copy, asked, plan(.fp8Rows), none).pixels, try run(copy, asked, plan(.fp8Rows)).pixels
        )
        #expect(cached == whole)
    }

    @Test(arguments: ["flux1-fp8", "flux1-int8", "flux2-mixed", "qwen-image-nvfp4", "wan-fp8-blocks"])
    func skipsStepsOfAQuantisedCheckpoint(_ name: String) throws {
        let copy = try TinyCheckpoint(quantised: name)
        var asked = request(["a lake"], name.hasPrefix("wan") ? "wan" : "image")
        asked.numInferenceSteps = 12
        // The others have one block of a kind, of which a block cache leaves nothing out.
        let yaml =
            name.hasPrefix("flux1")
            ? "cache_config: {cache_backend: cache_dit, max_warmup_steps: 2, residual_diff_threshold: 0.9}"
            : "cache_config: {cache_backend: teacache, teacache_thresh: 1000, coefficients: [1, 0]}"
        let report = try #require(run(copy, asked, ComputePlan(), StepCacheSettings(yaml)).times.cache)
        #expect(report.branches.contains { !$0.skipped.isEmpty })
    }

    /// What is told to take memory is what the weights take.
    @Test(arguments: QuantisedGolden.names) func forecastsTheBytesOfTheFile(_ name: String) throws {
        let copy = try TinyCheckpoint(quantised: name)
        let model = try TinyModel(copy).model()
        let predicted = try #require(model.weights(ComputePlan())["transformer"]?.bytes)
        let file = try SafetensorsCheckpoint(CheckpointFiles.locate(in: copy.file("transformer")))
        var stored = 0
        for entry in file.names.compactMap({ file[$0]?.entry }) {
            let count = entry.shape.reduce(1, *)
            switch entry.dtype {
            case .float8E4M3 where entry.name.hasSuffix("scale"):
                // Padding goes.
                break
            case .uint8: stored += count + count / 8
            default: stored += entry.dtype == .bfloat16 ? 4 * count : count * entry.dtype.byteSize
            }
        }
        // But for scales of one number.
        #expect(abs(predicted - stored) <= stored / 20)
    }

    @Test func hasABenchmark() async throws {
        let shape = BenchmarkShape(
            batch: 1, height: 64, width: 64, numFrames: nil, textTokens: 8,
            config: ["num_layers": 1, "num_single_layers": 1, "num_attention_heads": 1, "joint_attention_dim": 64])
        for algorithm in QuantAlgorithm.allCases {
            let timing = try await LocalWorker(device: .cpu, threads: 1).time(
                .transformer, of: Flux1.self, shape,
                ComputePlan(dtype: .bfloat16, quantization: QuantizationPlan(algorithm)), runs: 1)
            #expect(timing.seconds.count == 1)
        }
    }
}
