import Diffusion
import Engine
import Layers
import Models
import Tensors
import TestKit
import Testing
import VisualGen

/// Requests with a step cache against the reference: Cache-DiT as its package runs it, TeaCache by the published rule.
@DeviceActor @Suite struct StepCacheTests {
    @Test(arguments: Golden.cacheCases) func skipsAndPredictsAsTheReference(_ name: String) throws {
        let golden = try Golden("caches/\(name)")
        let asked = try golden.request()
        let (yaml, calls) = try golden.cache()
        let settings = try StepCacheSettings(yaml)
        let run = try TinyModel(asked.model).run(try GenerationRequest(asked), settings)
        for step in 0..<asked.numInferenceSteps {
            let entry = try #require(run.trace["latents.step\(step)"])
            #expect(try entry.distance(to: golden.tensor("latents.step\(step)")) <= 1e-4)
        }
        let report = try #require(run.times.cache)
        for (index, branch) in report.branches.enumerated() {
            // The golden numbers lists of blocks as it does transformers; no model has several of both.
            func isAlike(_ other: CacheReport.Branch) -> Bool {
                (other.transformer, other.list) == (branch.transformer, branch.list)
            }
            let own = calls.filter { $0.transformer == branch.transformer + (branch.list ?? 0) }
            let branches = report.branches.count(where: isAlike)
            let place = report.branches[..<index].count(where: isAlike)
            let expected = stride(from: place, to: own.count, by: branches).map { own[$0] }
            let first = branch.steps.lowerBound
            #expect(branch.steps.count == expected.count)
            #expect(branch.skipped == expected.indices.filter { expected[$0].skipped }.map { first + $0 })
            for (found, call) in zip(branch.changes, expected) {
                guard let change = call.change else { continue }
                #expect(abs(try #require(found) - change) < 1e-3 * max(change, 0.1), "\(name)")
            }
        }
    }

    /// Nothing of one request is left for the next.
    @Test(arguments: [
        "cache_backend: teacache, teacache_thresh: 0.6",
        "cache_backend: cache_dit, max_warmup_steps: 2, residual_diff_threshold: 0.45",
    ])
    func keepsNothingOfARequest(_ yaml: String) throws {
        let settings = try StepCacheSettings("cache_config: {\(yaml)}")
        let pipeline = try TinyModel().pipeline(settings)
        let small = try TinyModel().request(side: 32)
        let first = try run(small, pipeline)
        #expect(first.times.cache?.branches.first?.skipped.isEmpty == false)
        _ = try run(try TinyModel().request(side: 48), pipeline)
        let again = try run(small, pipeline)
        #expect(first.pixels == again.pixels)
        #expect(first.times.cache == again.times.cache)
    }

    /// With nothing to skip every step is what it is without a cache, bit for bit.
    @Test func changesNothingWhereEveryStepIsComputed() throws {
        let settings = try StepCacheSettings("cache_config: {cache_backend: cache_dit, max_warmup_steps: 12}")
        let request = try TinyModel().request(side: 32)
        let cached = try run(request, TinyModel().pipeline(settings))
        #expect(cached.times.cache?.branches[0].skipped == [])
        #expect(cached.pixels == (try run(request, TinyModel().pipeline(nil))).pixels)
    }

    @Test func decidesOnBothBranchesTogetherWhereAsked() throws {
        let yaml =
            "cache_config: {cache_backend: cache_dit, max_warmup_steps: 2, residual_diff_threshold: 0.6, "
            + "enable_separate_cfg: false}"
        let settings = try StepCacheSettings(yaml)
        var request = try TinyModel().request(side: 32)
        (request.negativePrompts, request.extra["true_cfg_scale"]) = (["blurry"], .number(2))
        let report = try #require(try run(request, TinyModel().pipeline(settings)).times.cache)
        #expect(report.branches.map(\.guidance) == [nil])
        #expect(!report.branches[0].skipped.isEmpty)
    }

    /// The bound is looked at on every fourth skip; from the first one over it everything is computed.
    @Test func stopsWhereTheErrorIsTooGreat() throws {
        func report(_ bound: String) throws -> CacheReport.Branch {
            let yaml = "cache_config: {cache_backend: teacache, teacache_thresh: 2\(bound)}"
            let settings = try StepCacheSettings(yaml)
            let run = try run(TinyModel().request(side: 32), TinyModel().pipeline(settings))
            return try #require(run.times.cache?.branches.first)
        }
        let free = try report("")
        #expect(free.audits.isEmpty && free.stoppedAt == nil)
        let loose = try report(", max_error: 1000")
        #expect(loose.audits.count >= 2 && loose.stoppedAt == nil)
        #expect(loose.skipped.count + loose.audits.count <= free.changes.count)
        let error = try #require(loose.greatestError)
        #expect(error > 0)
        let strict = try report(", max_error: 1e-9")
        #expect(strict.stoppedAt == strict.audits.first?.step && strict.audits.count == 1)
        #expect(strict.skipped.isEmpty)
    }

    @Test func refusesARequestOfOneStep() throws {
        let settings = try StepCacheSettings("cache_config: {cache_backend: teacache}")
        var request = try TinyModel().request(side: 32)
        request.numInferenceSteps = 1
        #expect {
            try run(request, TinyModel().pipeline(settings))
        } throws: { error in
            "\(error)" == "num_inference_steps is 1; it must be at least 2 where cache_config is set"
        }
    }

    private func run(_ request: GenerationRequest, _ pipeline: Pipeline) throws -> (
        pixels: PixelBatch, times: StageTimes
    ) {
        let collector = OutputCollector()
        let times = try pipeline.generate(request, observe: { _ in }, trace: nil, deliver: collector.add)
        return (try #require(collector.pixels), times)
    }
}

extension TinyModel {
    /// The model, open, with a step cache.
    func pipeline(_ stepCache: StepCacheSettings?) throws -> Pipeline {
        try model().load(PipelineOptions(stepCache: stepCache))
    }

    /// A request of twelve steps.
    func request(side: Int) throws -> GenerationRequest {
        var request = GenerationRequest(prompts: ["A photo of a red fox in the snow, early morning light."])
        (request.height, request.width, request.numInferenceSteps) = (side, side, 12)
        (request.seeds, request.maxSequenceLength) = ([7], 32)
        return try model().resolve(request)
    }

    /// What a request makes with a step cache.
    func run(_ request: GenerationRequest, _ stepCache: StepCacheSettings) throws -> (
        times: StageTimes, trace: [String: Trace.Entry]
    ) {
        let trace = Trace()
        let resolved = try model().resolve(request)
        let times = try pipeline(stepCache).generate(resolved, observe: { _ in }, trace: trace, deliver: { _ in })
        return (times, Dictionary(trace.entries.map { ($0.name, $0) }) { $1 })
    }
}

extension StepCacheSettings {
    /// What the engine makes of a configuration.
    init(_ yaml: String) throws {
        self = try #require(try VisualGenArgs(yamlText: yaml).worker(at: "").options.stepCache)
    }
}
