import Diffusion
import Engine
import Layers
import Models
import Parallel
import Synchronization
import Tensors
import TestKit
import Testing
import VisualGen

/// Requests by several ranks, which are threads of this process, against the same by one.
@Suite(.serialized) struct LayoutTests {
    /// A tiny model, what it is asked for, and the layouts that are tried.
    struct Case: CustomTestStringConvertible, Sendable {
        let model: String
        var layouts: [String]
        var cache: String?
        var lora: String?
        var quantization: String?
        var extra: [String: ParameterValue] = [:]
        var frames: Int?
        var size: [Int]?
        var image = false
        /// Whether a rank has under four tokens of a stream: so few rows are multiplied by another routine, whose sums are
        /// rounded otherwise, and guidance of every kind multiplies that.
        var hasFewRows: Bool { model == "ltx2.3-tiny" }
        var testDescription: String { [model, cache, lora, quantization].compactMap(\.self).joined(separator: ", ") }

        static let all = [
            Case(model: "flux1-tiny-dev", layouts: sequence + ["tp_size: 2", "tp_size: 2, ring_size: 2"]),
            Case(model: "flux1-tiny-dev", layouts: ["tp_size: 2"], lora: "flux1-peft"),
            Case(model: "flux1-tiny-dev", layouts: ["tp_size: 2"], lora: "flux1-dora-input"),
            Case(model: "flux1-tiny-schnell", layouts: ["ulysses_size: 3", "ring_size: 2", "tp_size: 3"]),
            Case(model: "flux1-tiny-dev", layouts: guided, extra: ["true_cfg_scale": .number(2)]),
            Case(model: "flux2-tiny-dev", layouts: ["ulysses_size: 2", "ring_size: 3", "tp_size: 2"]),
            Case(model: "flux2-tiny-klein-base", layouts: guided),
            Case(model: "qwen-image-tiny", layouts: sequence + guided, extra: ["true_cfg_scale": .number(3)]),
            Case(
                model: "wan2.1-tiny-t2v",
                layouts: ["ulysses_size: 3", "ring_size: 4", "attn2d_size: [2, 2]", "tp_size: 3", "cfg_size: 2"]
                    + ["cfg_size: 2, ulysses_size: 3", "cfg_size: 2, tp_size: 3", "ulysses_size: 3, ring_size: 2"]
                    + [
                        "ulysses_size: 3, async_ulysses: true",
                        "ulysses_size: 3, attn2d_size: [1, 2], async_ulysses: true",
                    ],
                frames: 5),
            Case(model: "wan2.2-tiny-t2v-a14b", layouts: ["cfg_size: 2, ring_size: 2"], frames: 5),
            Case(
                model: "wan2.2-tiny-ti2v-5b", layouts: ["ulysses_size: 3", "attn2d_size: [1, 3]", "tp_size: 3"],
                frames: 5, image: true),
            Case(
                model: "flux1-tiny-dev", layouts: ["ulysses_size: 2", "tp_size: 2"],
                cache: "cache_backend: cache_dit, max_warmup_steps: 1, residual_diff_threshold: 0.45"),
            Case(
                model: "flux1-tiny-dev", layouts: ["ulysses_size: 2"],
                cache: "cache_backend: teacache, teacache_thresh: 0.6"),
            Case(
                model: "wan2.1-tiny-t2v", layouts: ["cfg_size: 2", "cfg_size: 2, ulysses_size: 3"],
                cache: "cache_backend: cache_dit, max_warmup_steps: 1, residual_diff_threshold: 0.9", frames: 5),
            Case(
                model: "ltx2-tiny",
                layouts: sequence + guided + ["tp_size: 2", "tp_size: 4", "tp_size: 2, ring_size: 2"]
                    + [
                        "ulysses_size: 4, async_ulysses: true",
                        "ulysses_size: 2, attn2d_size: [1, 2], async_ulysses: true",
                    ],
                frames: 17),
            // Keys of a prompt that other tokens attend to, as many as two heads share, and a stream of video and sound.
            Case(
                model: "cosmos3-tiny",
                layouts: sequence + guided + ["tp_size: 2", "tp_size: 2, ring_size: 2"]
                    + [
                        "ulysses_size: 2, async_ulysses: true",
                        "ulysses_size: 2, attn2d_size: [1, 2], async_ulysses: true",
                    ],
                extra: ["enable_audio": .bool(true)], frames: 9, image: true),
            Case(
                model: "cosmos3-tiny-super",
                layouts: ["ulysses_size: 4", "tp_size: 4", "tp_size: 2, ulysses_size: 2", "ring_size: 3"], frames: 9),
            Case(
                model: "cosmos3-tiny", layouts: ["cfg_size: 2", "ulysses_size: 2", "tp_size: 2"],
                cache: "cache_backend: cache_dit, max_warmup_steps: 1, residual_diff_threshold: 0.9", frames: 9),
            // Four branches, of which one has no attention to itself in a block, and one none between the streams.
            Case(
                model: "ltx2.3-tiny",
                layouts: guided + [
                    "ulysses_size: 4", "ring_size: 3", "attn2d_size: [2, 2]", "tp_size: 2, ulysses_size: 2",
                    "cfg_size: 2, ulysses_size: 2, async_ulysses: true",
                ], frames: 9, size: [32, 64], image: true),
            // Noise levels of frames where the streams attend to each other, too.
            Case(
                model: "ltx2.3-tiny", layouts: ["ulysses_size: 2", "ring_size: 2"],
                extra: ["use_cross_timestep": .bool(false)], frames: 9, size: [32, 96], image: true),
            // Fewer tokens than ranks: three of the video and one of the sound.
            Case(
                model: "ltx2.3-tiny",
                layouts: [
                    "ulysses_size: 4", "ring_size: 4", "attn2d_size: [2, 2]", "attn2d_size: [1, 4]",
                    "attn2d_size: [4, 1]", "ulysses_size: 2, ring_size: 2", "ulysses_size: 4, async_ulysses: true",
                ], frames: 1, size: [32, 96]),
            // Of tokens with scales of their own, also where a rank has none.
            Case(
                model: "ltx2.3-tiny", layouts: ["cfg_size: 2", "ulysses_size: 4"],
                quantization: "FP8_PER_CHANNEL_PER_TOKEN", frames: 1, size: [32, 96]),
            Case(
                model: "ltx2.3-tiny", layouts: ["cfg_size: 2", "cfg_size: 2, ulysses_size: 2", "tp_size: 2"],
                cache: "cache_backend: cache_dit, max_warmup_steps: 1, residual_diff_threshold: 0.9", frames: 9,
                size: [32, 96]),
            Case(
                model: "ltx2.3-tiny", layouts: ["cfg_size: 2, ulysses_size: 2"],
                cache: "cache_backend: teacache, teacache_thresh: 1000, coefficients: [1, 0]", frames: 9,
                size: [32, 64],
                image: true),
        ]
        private static let sequence = [
            "ulysses_size: 2", "ring_size: 2", "ring_size: 3", "attn2d_size: [2, 1]", "attn2d_size: [1, 2]",
            "attn2d_size: [2, 2]", "ulysses_size: 2, ring_size: 2", "ulysses_size: 2, attn2d_size: [1, 2]",
        ]
        private static let guided = ["cfg_size: 2", "cfg_size: 2, ulysses_size: 2", "cfg_size: 2, tp_size: 2"]
    }

    @Test(arguments: Case.all) func agreesWithOneRank(_ given: Case) async throws {
        let alone = try #require(await Self.run(given, "ulysses_size: 1").first)
        for layout in given.layouts {
            let first = try await Self.run(given, layout)
            let entries = try #require(first.first)
            #expect(Set(entries.keys) == Set(alone.keys), "\(layout)")
            #expect(first.dropFirst().allSatisfy { $0.isEmpty }, "another rank than the first delivers")
            // Exchanged tokens are computed as they are by one; sums that are cut are added in another order.
            let isExact = !given.hasFewRows && !["ring", "attn2d", "tp"].contains { layout.contains($0) }
            for (name, entry) in alone where name != "output" {
                let found = try #require(entries[name])
                if isExact {
                    #expect(found == entry, "\(layout): \(name)")
                } else {
                    // Decoding makes more of a difference than there was in the latents.
                    let isDecoded = ["decoded", "audio_decoded", "audio"].contains(name)
                    let limit: Float = (isDecoded ? 1e-4 : 1e-5) * (given.hasFewRows ? 5 : 1)
                    #expect(Self.distance(found, entry) < limit, "\(layout): \(name)")
                }
            }
            let again = try #require(await Self.run(given, layout).first)
            #expect(again == entries, "\(layout): two runs")
        }
    }

    /// What all ranks send in the steps of a request, as the formulas say: n tokens of width d over P ranks.
    ///
    /// The tiny model has two double and two single blocks; in the last one only the image's tokens attend.
    @Test(arguments: [
        ("ulysses_size: 2", Mesh.Axis.ulysses, GroupTraffic.Operation.allToAll),
        ("ring_size: 3", .ring, .exchange), ("tp_size: 2", .tensor, .allReduce),
    ])
    func sendsWhatTheFormulasSay(_ layout: String, _ axis: Mesh.Axis, _ operation: GroupTraffic.Operation) async throws
    {
        let given = Case(model: "flux1-tiny-dev", layouts: [])
        let counts = Mutex<[GroupTraffic.Count]>([])
        _ = try await Self.run(given, layout) { ranks in
            if let group = ranks[axis] { counts.withLock { $0.append(group.traffic[operation]) } }
        }
        let found = counts.withLock { $0 }
        let (steps, blocks, image, all, width) = (2, 4, 60, 60 + 27, 32)
        let (ranks, float) = (found.count, 4)
        let sent = found.map(\.bytes).reduce(0, +) / float
        switch axis {
        case .ulysses:
            // Query, key, value and result: of each the part of the heads that others have.
            let tokens = (blocks - 1) * 4 * all + 2 * all + 2 * image
            #expect(sent == steps * tokens * width * (ranks - 1) / ranks)
            #expect(found.allSatisfy { $0.calls == steps * blocks * 2 })
        case .ring:
            #expect(sent == steps * blocks * 2 * all * width * (ranks - 1))
            #expect(found.allSatisfy { $0.calls == steps * blocks * (ranks - 1) })
        default:
            // After attention and feed-forward of a double block, both streams; once after a single block.
            let tokens = 2 * 2 * all + all + image
            #expect(sent == steps * tokens * width * 2 * (ranks - 1))
            #expect(found.allSatisfy { $0.calls == steps * (2 * 4 + 2) })
        }
    }

    /// The same of a model whose video and sound are cut each by itself, and attend to each other.
    ///
    /// The tiny model has two blocks and computes two branches.
    @Test(arguments: [
        ("ulysses_size: 2", Mesh.Axis.ulysses, GroupTraffic.Operation.allToAll),
        ("ring_size: 3", .ring, .exchange), ("tp_size: 2", .tensor, .allReduce),
    ])
    func sendsWhatTheFormulasSayOfTwoStreams(
        _ layout: String, _ axis: Mesh.Axis, _ operation: GroupTraffic.Operation
    ) async throws {
        let given = Case(model: "ltx2-tiny", layouts: [], frames: 17)
        let counts = Mutex<[GroupTraffic.Count]>([])
        _ = try await Self.run(given, layout) { ranks in
            if let group = ranks[axis] { counts.withLock { $0.append(group.traffic[operation]) } }
        }
        let found = counts.withLock { $0 }
        // Blocks of all predictions.
        let (blocks, video, audio, text, width, audioWidth): (Int, Int, Int, Int, Int, Int) = (8, 27, 17, 32, 40, 24)
        let ranks = found.count
        let sent = found.map(\.bytes).reduce(0, +) / 4
        let numbers = video * width + audio * audioWidth
        switch axis {
        case .ulysses:
            // To itself query, key, value and result; to the other query and result of one, key and value of the other.
            let all: Int = 4 * numbers + 4 * (video + audio) * audioWidth
            let expected: Int = blocks * all * (ranks - 1) / ranks
            #expect(sent == expected)
            #expect(found.allSatisfy { $0.calls == blocks * 8 })
        case .ring:
            let all: Int = 2 * numbers + 2 * (video + audio) * audioWidth
            let expected: Int = blocks * all * (ranks - 1)
            #expect(sent == expected)
            #expect(found.allSatisfy { $0.calls == blocks * 4 * (ranks - 1) })
        default:
            // After three attentions and the feed-forward of either stream; and a number a token in norms of query and key.
            let all: Int = 4 * numbers + 5 * (video + audio) + 2 * text
            let expected: Int = blocks * all * 2 * (ranks - 1)
            #expect(sent == expected)
            #expect(found.allSatisfy { $0.calls == blocks * (8 + 12) })
        }
    }

    /// Ranks measure what one measures, of both streams.
    @Test(arguments: ["ulysses_size: 2", "ulysses_size: 4", "tp_size: 2", "ring_size: 3"])
    func measuresForACacheWhatOneRankMeasures(_ layout: String) async throws {
        for cache in [
            "cache_backend: cache_dit, max_warmup_steps: 1, residual_diff_threshold: 0.9, max_error: 1000",
            "cache_backend: teacache, teacache_thresh: 1000, coefficients: [1, 0], max_error: 1000",
        ] {
            let given = Case(model: "ltx2.3-tiny", layouts: [], cache: cache, frames: 9, size: [32, 96], image: true)
            let alone = try #require(await Self.made(given, "ulysses_size: 1").first?.cache)
            let shared = try #require(await Self.made(given, layout).first?.cache)
            #expect(alone.branches.count == 4)
            #expect(shared.branches.map(\.skipped) == alone.branches.map(\.skipped))
            for (one, other) in zip(shared.branches, alone.branches) {
                #expect(!other.audits.isEmpty)
                #expect(one.audits.map(\.step) == other.audits.map(\.step))
                func numbers(_ branch: CacheReport.Branch) -> [Double] {
                    branch.changes.map { $0 ?? -1 } + branch.audits.map(\.error)
                }
                for (found, expected) in zip(numbers(one), numbers(other)) {
                    let distance: Double = abs(found - expected)
                    #expect(distance < 1e-4)
                }
            }
        }
    }

    /// What rank 0 made, by the names of the trace; nothing for the others.
    private static func run(
        _ given: Case, _ layout: String, after look: @escaping @Sendable (Ranks) -> Void = { _ in }
    ) async throws -> [[String: [Float]]] {
        try await made(given, layout, after: look).map(\.entries)
    }

    /// The same with what each rank left out.
    private static func made(
        _ given: Case, _ layout: String, after look: @escaping @Sendable (Ranks) -> Void = { _ in }
    ) async throws -> [(entries: [String: [Float]], cache: CacheReport?)] {
        let needsParts = ["ring", "attn2d"].contains { layout.contains($0) }
        var yaml = "parallel_config: {\(layout)}\nattention_config: {backend: \(needsParts ? "FA4" : "VANILLA")}"
        if let cache = given.cache { yaml += "\ncache_config: {\(cache)}" }
        if let algorithm = given.quantization { yaml += "\nquant_config: {quant_algo: \(algorithm)}" }
        if let lora = given.lora { yaml += "\nruntime_lora_config: {path: '\(LoRAGolden.path(of: lora))'}" }
        let arguments = try VisualGenArgs(yamlText: yaml)
        let options = arguments.worker(at: TinyCheckpoint.path(of: given.model)).options
        let mesh = Mesh(options.plan.parallel)
        let store = RendezvousStore.inProcess()
        return try await onRanks(mesh.layout.count) { rank in
            let model = try TinyModel(given.model).model()
            let ranks =
                mesh.layout.count > 1
                ? try Ranks(mesh, rank: rank, store.copy(), .gloo(interface: nil), timeout: .seconds(300)) : nil
            let pipeline = try model.load(options, ranks)
            let trace = Trace()
            let request = try model.resolve(Self.request(given))
            let times = try pipeline.generate(
                request, observe: { _ in }, trace: rank == 0 ? trace : nil, deliver: { _ in })
            if let ranks { look(ranks) }
            return (Dictionary(trace.entries.map { ($0.name, $0.values) }) { $1 }, times.cache)
        }.map { try $0.get() }
    }

    /// An odd number of tokens, so that every cut is uneven.
    private static func request(_ given: Case) throws -> GenerationRequest {
        var request = GenerationRequest(prompts: ["A cat holding a sign that says hello world."])
        (request.height, request.width, request.numInferenceSteps) = (48, 80, given.cache == nil ? 2 : 6)
        (request.seeds, request.numFrames) = ([7], given.frames)
        if given.model.hasPrefix("flux") { request.maxSequenceLength = 27 }
        if given.model.hasPrefix("wan2.2-tiny-ti2v") { (request.height, request.width) = (64, 96) }
        if given.model.hasPrefix("ltx2") {
            (request.height, request.width, request.maxSequenceLength, request.frameRate) = (96, 96, 32, 25)
        }
        // A scale of 6 would multiply what sums differ by in every step.
        if given.model.hasPrefix("cosmos3") { request.guidanceScale = 3 }
        if let size = given.size { (request.height, request.width) = (size[0], size[1]) }
        request.extra = given.extra
        if given.extra["true_cfg_scale"] != nil { request.negativePrompts = ["bad"] }
        if given.image {
            request.images = [try RequestImage(golden: "first.png")]
        }
        return request
    }

    private static func distance(_ a: [Float], _ b: [Float]) -> Float {
        guard a.count == b.count else { return .infinity }
        let size = b.reduce(1) { max($0, abs($1)) }
        return zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) } / size
    }
}
