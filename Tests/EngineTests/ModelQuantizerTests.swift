import Diffusion
import Engine
import Files
import Foundation
import Layers
import Models
import Synchronization
import Tensors
import TestKit
import Testing

@Suite(.serialized) struct ModelQuantizerTests {
    private let folder: TemporaryFolder
    private let base: TinyCheckpoint
    /// Which of FLUX.1's layers NVFP4 cannot take, as their rows are no multiple of 16.
    private static let narrow = ["context_embedder", "time_text_embed*"]

    init() throws { (folder, base) = (try TemporaryFolder(), try TinyCheckpoint(quantised: "flux1")) }

    private func quantize(
        _ model: String, _ algorithm: QuantAlgorithm, ignoring: [String] = [], to name: String = "copy",
        observe: @escaping @Sendable (ModelQuantizer.Progress) throws -> Void = { _ in }
    ) async throws -> String {
        let output = folder.file(name)
        let family = try Catalog.model(at: model)
        try await QuantizerThread().run {
            try ModelQuantizer(family, QuantizationPlan(algorithm, ignoring: ignoring), to: output).run(
                observe: observe)
        }
        return output
    }

    /// Every file of a folder, by its path in it.
    private func files(in path: String) throws -> [String: Data] {
        var found: [String: Data] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: path) where !Folder.isFolder("\(path)/\(name)")
        {
            found[name] = try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)"))
        }
        return found
    }

    /// The same bytes as in what ModelOpt exported of the same weights.
    @Test(arguments: [
        ("flux1-fp8", QuantAlgorithm.fp8), ("flux1-fp8-rows", .fp8Rows), ("flux1-nvfp4", .nvfp4),
        ("flux1-fp8-blocks", .fp8Blocks),
    ])
    func writesWhatModelOptWrites(_ name: String, _ algorithm: QuantAlgorithm) async throws {
        let ignored = algorithm == .nvfp4 ? Self.narrow : []
        let output = try await quantize(base.path, algorithm, ignoring: ignored)
        let ours = try CheckpointWeights(folder: "\(output)/transformer").checkpoint
        let theirs = try CheckpointWeights(folder: QuantisedGolden.folder(of: name)).checkpoint
        var compared = 0
        for key in ours.names where key.hasSuffix("weight_scale") {
            guard let (scale, file) = ours[key], let (other, otherFile) = theirs[key] else { continue }
            // ModelOpt gives query, key and value of one block each the scale of all three.
            if algorithm == .fp8Blocks, key.contains(".attn."), scale.shape.isEmpty { continue }
            #expect(scale.shape == other.shape && scale.dtype == other.dtype, "\(key)")
            #expect(Data(file.bytes(of: scale)) == Data(otherFile.bytes(of: other)), "\(key)")
            for end in ["weight", "weight_scale_2"] {
                let key = key.replacing("weight_scale", with: end)
                guard let (entry, file) = ours[key] else { continue }
                let (other, otherFile) = try #require(theirs[key], "\(key)")
                #expect(entry.shape == other.shape && entry.dtype == other.dtype, "\(key)")
                #expect(Data(file.bytes(of: entry)) == Data(otherFile.bytes(of: other)), "\(key)")
                compared += 1
            }
        }
        #expect(compared > 8)
    }

    /// A copy gives the images that the model gives where it is quantised while it is loaded.
    @Test(arguments: QuantAlgorithm.allCases)
    func makesTheImagesOfAModelQuantisedWhileLoading(_ algorithm: QuantAlgorithm) async throws {
        let ignored = algorithm == .nvfp4 ? Self.narrow : []
        let output = try await quantize(base.path, algorithm, ignoring: ignored)
        let request = try TinyWorker.request()
        func image(_ path: String, _ quantization: QuantizationPlan?) async throws -> PixelBatch {
            var options = PipelineOptions()
            options.plan.quantization = quantization
            let worker = LocalWorker(device: .cpu, threads: 1)
            try await worker.load(Catalog.model(at: path), options)
            return try await worker.generate(request).pixels
        }
        let copied = try await image(output, nil)
        #expect(try await image(base.path, QuantizationPlan(algorithm, ignoring: ignored)) == copied)
        #expect(try await image(base.path, nil) != copied)
    }

    /// Of video and sound the blocks' layers are quantised, but for gates of heads; the copy makes what the model makes.
    @Test(arguments: QuantAlgorithm.allCases)
    func copiesAModelOfTwoStreams(_ algorithm: QuantAlgorithm) async throws {
        let base = try TinyCheckpoint(quantised: "ltx2")
        let output = try await quantize(base.path, algorithm)
        let quantised = try CheckpointWeights(folder: "\(output)/transformer").keys
            .filter { $0.hasSuffix(".weight_scale") }
        #expect(quantised.allSatisfy { $0.hasPrefix("transformer_blocks.") && !$0.contains("gate") })
        // Of each of two blocks six attentions of four layers, and two feed-forwards of two.
        #expect(quantised.count == 56)
        var request = Self.request
        request.maxSequenceLength = 16
        let copied = try await video(output, nil, request)
        #expect(try await video(base.path, QuantizationPlan(algorithm), request) == copied)
        #expect(try await video(base.path, nil, request) != copied)
    }

    /// Of both towers the layers that a prediction depends on are quantised; what the model passes over goes along as it is.
    @Test(arguments: QuantAlgorithm.allCases)
    func copiesAModelOfTwoTowers(_ algorithm: QuantAlgorithm) async throws {
        let base = try TinyCheckpoint.wideCosmos3()
        let output = try await quantize(base.path, algorithm)
        let keys = try CheckpointWeights(folder: "\(output)/transformer").keys
        let quantised = keys.filter { $0.hasSuffix(".weight_scale") }
        // Of each of three layers seven of either tower, but for five of the last one that reads.
        #expect(quantised.count == 3 * 14 - 5)
        #expect(quantised.allSatisfy { $0.hasPrefix("layers.") })
        #expect(keys.contains("layers.2.mlp.down_proj.weight") && keys.contains("lm_head.weight"))
        let copied = try await video(output, nil, Self.request)
        #expect(try await video(base.path, QuantizationPlan(algorithm), Self.request) == copied)
        #expect(try await video(base.path, nil, Self.request) != copied)
    }

    private static var request: GenerationRequest {
        var request = GenerationRequest(prompts: ["a lake"])
        (request.height, request.width, request.numFrames, request.numInferenceSteps) = (64, 64, 9, 2)
        request.seeds = [3]
        return request
    }

    private func video(_ path: String, _ quantization: QuantizationPlan?, _ request: GenerationRequest) async throws
        -> PixelBatch
    {
        let model = try Catalog.model(at: path)
        var options = PipelineOptions()
        options.plan.quantization = quantization
        let worker = LocalWorker(device: .cpu, threads: 1)
        try await worker.load(model, options)
        return try await worker.generate(model.resolve(request)).pixels
    }

    /// Of weights in several files, with an index.
    @Test func keepsTheFilesOfTheWeights() async throws {
        let output = try await quantize(TinyCheckpoint.path(of: "wan2.2-tiny-t2v-a14b"), .fp8)
        for component in ["transformer", "transformer_2"] {
            let weights = try CheckpointWeights(folder: "\(output)/\(component)")
            #expect(weights.keys.contains { $0.hasSuffix("weight_scale") })
            let config = try String(contentsOfFile: "\(output)/\(component)/config.json", encoding: .utf8)
            #expect(config.contains("\"quant_algo\": \"FP8\""))
        }
        _ = try Catalog.model(at: output).weights(ComputePlan())
    }

    /// Before anything is written, and the same that the model tells.
    @Test func tellsThePatternsThatNoLayerHas() async throws {
        let model = try Catalog.model(at: TinyCheckpoint.path(of: "wan2.2-tiny-t2v-a14b"))
        let output = folder.file("copy")
        let plan = QuantizationPlan(.fp8, ignoring: ["blocks.0.*", "nothing.*", "proj_out"])
        try await QuantizerThread().run {
            let idle = try ModelQuantizer(model, plan, to: output).idlePatterns
            #expect(idle == ["nothing.*"])
        }
        #expect(try model.idlePatterns(plan) == ["nothing.*"])
        #expect(folder.names.isEmpty)
    }

    private struct PowerCut: Error {}

    @Test(arguments: [1, 5, 40]) func goesOnWhereItWasCutShort(_ steps: Int) async throws {
        let whole = try files(in: try await quantize(base.path, .fp8Rows, to: "whole"))
        let seen = Mutex(0)
        await #expect(throws: PowerCut.self) {
            try await quantize(base.path, .fp8Rows) { _ in
                let count = seen.withLock {
                    $0 += 1
                    return $0
                }
                if count > steps { throw PowerCut() }
            }
        }
        #expect(folder.names == ["copy.partial", "whole"])
        try Data([1, 2, 3]).write(to: URL(fileURLWithPath: folder.file("copy.partial/.0abc.partial")))
        #expect(try files(in: try await quantize(base.path, .fp8Rows)) == whole)
        #expect(folder.names == ["copy", "whole"])
    }

    @Test func refusesWhatIsThereAlready() async throws {
        try FileManager.default.createDirectory(atPath: folder.file("copy"), withIntermediateDirectories: false)
        await #expect(throws: QuantizerError.exists(folder.file("copy"))) { try await quantize(base.path, .fp8) }
        await #expect(throws: PowerCut.self) {
            try await quantize(base.path, .fp8, to: "other") { _ in throw PowerCut() }
        }
        await #expect(throws: QuantizerError.otherAttempt(folder.file("other.partial"))) {
            try await quantize(base.path, .fp8Rows, to: "other")
        }
    }

    @Test func refusesWhatCannotBeQuantised() async throws {
        let quantised = try TinyCheckpoint(quantised: "flux1-fp8")
        await #expect(throws: QuantizationError.alreadyQuantized("\(quantised.path)/transformer")) {
            try await quantize(quantised.path, .fp8)
        }
        await #expect(throws: QuantizationError.nothingLeft(["*"])) {
            try await quantize(TinyCheckpoint.path(), .fp8, ignoring: ["*"])
        }
        await #expect(throws: QuantizationError.self) { try await quantize(TinyCheckpoint.path(), .nvfp4) }
        let damaged = try TinyCheckpoint(quantised: "flux1")
        try damaged.rewriteTensors(of: "transformer") { tensors in tensors.removeAll { $0.name == "proj_out.bias" } }
        await #expect(throws: WeightError.self) { try await quantize(damaged.path, .fp8) }
        #expect(folder.names.isEmpty)
    }
}

/// A thread of LibTorch's for work that is no request.
private actor QuantizerThread {
    private let thread = DeviceThread(name: "quantizer", threads: 1)
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    func run(_ body: @Sendable () throws -> Void) throws {
        defer { thread.close() }
        try body()
    }
}
