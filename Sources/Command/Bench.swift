internal import ArgumentParser
internal import Diffusion
internal import Engine
internal import Foundation
internal import Layers
internal import Models
internal import Parallel
internal import Tensors
internal import VisualGen

/// `visualgen bench`.
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure a part of a model with random weights, or whole generations.",
        discussion: "Figures go to standard output as JSON.")

    @Argument(help: "What to measure: transformer, decoder, generation, product or attention.")
    var subject: Subject

    @Option(name: .long, help: "Family to measure, as flux.1, flux.2, wan or qwen-image.")
    var family: String = "FLUX.1"

    @Option(name: .long, help: "The model of a generation.")
    var model: String = "demo-image"

    @OptionGroup var pipeline: PipelineConfigOption

    @Option(name: .long) var height: Int = 512
    @Option(name: .long) var width: Int = 512
    @Option(name: .long, help: "Frames of a video; the family's or the model's own if absent.") var numFrames: Int?
    @Option(name: .long, help: "Items of the batch.") var batch: Int = 1
    @Option(name: .long, help: "Tokens of the prompt.") var textTokens: Int = 512
    @Option(name: .long, help: "Attention heads.") var heads: Int = 24
    @Option(name: .long, help: "Sequence length of attention.") var tokens: Int = 1536
    @Option(name: .long, help: "Width of an attention head.") var headWidth: Int = 128
    @Option(name: .long, help: "Denoising steps of a generation.") var numInferenceSteps: Int = 20
    @Option(name: .long, help: "A number of the published config to change, as num_layers=2.") var set: [Setting] = []
    @Option(name: .long, help: "float32, bfloat16 or float16.") var dtype: ComputeType = .float32
    @Option(
        name: .long, help: "Quantise the transformer's linear layers: FP8, FP8_PER_CHANNEL_PER_TOKEN and so on.")
    var quantAlgo: QuantAlgorithm?
    @Option(name: .long, help: "The attention of transformer, generation or attention: attention_config as YAML.")
    var attentionConfig: String?
    @Option(
        name: .long,
        help: "The ranks of transformer or decoder, one process each as torchrun starts them: parallel_config as YAML.")
    var parallelConfig: String?
    @Option(name: .long, help: "Branches of guidance of a transformer's step: 1 or 2.") var branches = 1
    @Flag(help: "Have the GPU keep the transformer's blocks and run them again at once, as cuda_graph_config does.")
    var cudaGraphs = false

    @Option(
        name: .long,
        help: "What a transformer's weights may take of a GPU, as 18GB; the others wait in the host's memory.")
    var memoryLimit: String?

    @Option(name: .long, help: "cpu, cuda or cuda:N.") var device: Device = .cpu
    @Option(name: .long, help: "Threads of one operation.") var threads: Int?
    @Option(name: .long, help: "Time the transformer's steps that a step cache skips: teacache or cache_dit.")
    var skippedBy: SkippingCache?
    @Option(name: .long, help: "Measured runs, after one warm-up run.") var runs: Int = 5

    enum Subject: String, ExpressibleByArgument { case transformer, decoder, generation, product, attention }

    /// A step cache that skips every step that it may.
    enum SkippingCache: String, ExpressibleByArgument {
        case teacache
        case cacheDiT = "cache_dit"

        var settings: StepCacheSettings {
            switch self {
            case .teacache:
                var settings = TeaCacheSettings()
                settings.coefficients = [1, 0]
                return StepCacheSettings(.teaCache(settings))
            case .cacheDiT:
                var settings = DualBlockSettings()
                (settings.warmUpSteps, settings.maxContinuousCachedSteps) = (0, -1)
                return StepCacheSettings(.dualBlock(settings))
            }
        }
    }

    func validate() throws {
        if skippedBy != nil, subject != .transformer { throw ValidationError("skipped-by is for transformer") }
        if pipeline.pipelineConfig != nil, subject != .generation {
            throw ValidationError("pipeline-config is for generation")
        }
        if quantAlgo != nil, subject != .transformer, subject != .generation {
            throw ValidationError("quant-algo is for transformer and generation")
        }
        if attentionConfig != nil, ![.transformer, .generation, .attention].contains(subject) {
            throw ValidationError("attention-config is for transformer, generation and attention")
        }
        if cudaGraphs, subject != .transformer { throw ValidationError("cuda-graphs is for transformer") }
        if memoryLimit != nil, subject != .transformer { throw ValidationError("memory-limit is for transformer") }
        if memoryLimit != nil, cudaGraphs { throw ValidationError("memory-limit is not available with cuda-graphs") }
        guard 1...2 ~= branches else { throw ValidationError("branches is \(branches); it must be 1 or 2") }
        if parallelConfig != nil, subject != .transformer, subject != .decoder {
            throw ValidationError("parallel-config is for transformer and decoder")
        }
        for (name, value) in [("height", height), ("width", width)] where !(16...16384).contains(value) {
            throw ValidationError("\(name) is \(value); it must be from 16 to 16384")
        }
        for (name, value) in [("tokens", tokens), ("text-tokens", textTokens)] where !(1...100_000).contains(value) {
            throw ValidationError("\(name) is \(value); it must be from 1 to 100000")
        }
        for (name, value) in [
            ("heads", heads), ("head-width", headWidth), ("batch", batch), ("num-frames", numFrames ?? 1),
            ("num-inference-steps", numInferenceSteps), ("runs", runs),
        ] where !(1...1000).contains(value) {
            throw ValidationError("\(name) is \(value); it must be from 1 to 1000")
        }
    }

    func run() async throws { try await Interruption.cancelling { try await measure() } }

    private func measure() async throws {
        let arguments = try arguments()
        var plan = plan(arguments)
        let launched = plan.parallel.count > 1 ? try RankSeat.launched(plan.parallel) : nil
        if plan.parallel.count > 1, launched == nil {
            throw ValidationError("parallel-config needs as many processes as ranks, as torchrun starts them")
        }
        if let launched { plan.device = plan.device.ofRank(launched.localRank) }
        try EngineError.require(plan.device)
        let problems = try arguments.cardProblems(on: plan.device == .cpu ? [] : [plan.device])
        if !problems.isEmpty { throw ConfigurationError(problems) }
        var report: [String: Any] = [
            "subject": subject.rawValue, "height": height, "width": width, "batch": batch, "dtype": dtype.rawValue,
            "device": "\(device)",
        ]
        if let numFrames { report["num_frames"] = numFrames }
        if let quantAlgo { report["quant_algo"] = quantAlgo.rawValue }
        switch subject {
        case .generation: try await generations(plan, &report)
        case .transformer: try await part(.transformer, plan, arguments.memoryLimit, launched?.seat, &report)
        case .decoder: try await part(.decoder, plan, nil, launched?.seat, &report)
        case .product:
            report = ["subject": subject.rawValue, "dtype": dtype.rawValue, "device": "\(device)"]
            let worker = LocalWorker(device: device, threads: threads)
            add(try await worker.timeProduct(dtype: dtype.dtype, runs: runs), to: &report)
        case .attention:
            report = [
                "subject": subject.rawValue, "dtype": dtype.rawValue, "device": "\(device)", "heads": heads,
                "tokens": tokens, "head_width": headWidth,
            ]
            let worker = LocalWorker(device: device, threads: threads)
            add(try await worker.timeAttention([heads, tokens, headWidth], plan, runs: runs), to: &report)
        }
        if let launched, launched.seat.rank > 0 { return }
        report["attention_config"] = attentionConfig
        report["parallel_config"] = parallelConfig
        report["peak_memory_bytes"] = Metrics.peakMemory
        report["kernels"] = ThreadSettings.kernelChoices
        let data = try JSONSerialization.data(withJSONObject: report, options: [.prettyPrinted, .sortedKeys])
        StandardOutput.print(page: String(decoding: data, as: UTF8.self))
    }

    /// The configuration that the options stand for.
    ///
    /// - Throws: `ConfigurationError`
    private func arguments() throws -> VisualGenArgs {
        let text =
            "device: \(device)\ndtype: \(dtype.rawValue)\nattention_config: \(attentionConfig ?? "{}")"
            + "\nparallel_config: \(parallelConfig ?? "{}")\nmemory_limit: \(memoryLimit ?? "null")"
        let arguments = try VisualGenArgs(yamlText: text)
        let unavailable = arguments.unavailable()
        if !unavailable.isEmpty { throw ConfigurationError(unavailable) }
        return arguments
    }

    /// How what is measured computes.
    private func plan(_ arguments: VisualGenArgs) -> ComputePlan {
        var plan = ComputePlan(
            dtype: dtype.dtype, device: device, attention: arguments.attentionConfig.plan(on: device),
            quantization: quantAlgo.map { QuantizationPlan($0) })
        plan.parallel = arguments.parallelConfig.layout
        plan.capturesBlocks = cudaGraphs
        return plan
    }

    private func part(
        _ part: BenchmarkPart, _ plan: ComputePlan, _ memoryLimit: Int?, _ seat: RankSeat?,
        _ report: inout [String: Any]
    ) async throws {
        let family = try Self.family(family)
        report["family"] = family.name
        var shape = BenchmarkShape(
            batch: batch, height: height, width: width, numFrames: numFrames, textTokens: textTokens,
            config: Dictionary(set.map { ($0.key, $0.value) }) { $1 })
        shape.branches = branches
        let timing: LocalWorker.Timing
        do {
            timing = try await LocalWorker(device: plan.device, threads: threads, seat: seat)
                .time(
                    part, of: family, shape, plan, stepCache: skippedBy?.settings, weightMemory: memoryLimit,
                    runs: runs)
        } catch let fault as ConfigFault {
            throw ValidationError("set \(fault)")
        }
        add(timing, to: &report)
    }

    private func add(_ timing: LocalWorker.Timing, to report: inout [String: Any]) {
        report["ready_seconds"] = timing.ready
        report["seconds"] = timing.seconds
        report["median_seconds"] = Self.median(timing.seconds)
        report["device_memory"] = timing.deviceMemory?.json
        if let skippedBy { report["skipped_by"] = skippedBy.rawValue }
        if timing.operations > 0, skippedBy == nil {
            report["gflops_per_second"] = timing.operations / Self.median(timing.seconds) / 1e9
        }
    }

    /// The only family whose name is a text, or has it as a part, in small or capital letters.
    private static func family(_ name: String) throws -> any ModelFamily.Type {
        let families = Catalog.families
        if let family = families.first(where: { $0.name == name }) { return family }
        let matches = families.filter { $0.name.lowercased().contains(name.lowercased()) }
        guard let family = matches.first, matches.count == 1 else {
            let known = (matches.isEmpty ? families : matches).map { $0.name }.joined(separator: ", ")
            throw ValidationError(
                "family is \(name); \(matches.isEmpty ? "this build has" : "that may be") \(known)")
        }
        return family
    }

    private func generations(_ plan: ComputePlan, _ report: inout [String: Any]) async throws {
        let opened = try await pipeline.open(ModelLocation.path(of: model))
        let prompt = "a small green triangle above a large blue circle"
        var request = GenerationRequest(prompts: Array(repeating: prompt, count: batch))
        (request.height, request.width, request.seeds) = (height, width, [0])
        (request.numFrames, request.numInferenceSteps) = (numFrames, numInferenceSteps)
        let resolved = try opened.resolve(request)
        let worker = LocalWorker(device: device, threads: threads)
        var metrics = Metrics()
        try await metrics.measure(\.load) { try await worker.load(opened, PipelineOptions(plan)) }
        var seconds: [Double] = []
        for _ in 0...runs {
            let start = ContinuousClock.now
            _ = try await worker.generate(resolved, deliver: { _ in })
            seconds.append((ContinuousClock.now - start).seconds)
        }
        let first = seconds.removeFirst()
        report["load_seconds"] = metrics.load
        report["ready_seconds"] = first - Self.median(seconds)
        report["seconds"] = seconds
        report["median_seconds"] = Self.median(seconds)
    }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }
}

extension QuantAlgorithm: ExpressibleByArgument {}

/// One `KEY=NUMBER`.
struct Setting: ExpressibleByArgument {
    let key: String
    let value: Int

    init?(argument: String) {
        let parts = argument.split(separator: "=", omittingEmptySubsequences: false)
        guard parts.count == 2, let value = Int(parts[1]) else { return nil }
        (key, self.value) = (String(parts[0]), value)
    }
}
