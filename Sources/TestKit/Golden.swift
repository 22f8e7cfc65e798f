internal import Foundation
internal import Layers

/// What the reference computed: a safetensors file under `Tests/Goldens`.
package struct Golden: Sendable {
    /// The folder of all goldens, found from this source file, so that nothing needs to be bundled.
    package static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Tests/Goldens").path

    private let file: SafetensorsFile

    /// Opens a golden.
    ///
    /// - Parameter name: its path below the folder, without extension
    /// - Throws: ``SafetensorsError``
    package init(_ name: String) throws { try self.init(path: "\(Self.folder)/\(name).safetensors") }

    /// Opens any safetensors file, such as a trace.
    ///
    /// - Parameter path: the file
    /// - Throws: ``SafetensorsError``
    package init(path: String) throws { file = try SafetensorsFile(path: path) }

    /// The names of the goldens of requests to FLUX.1's pipeline.
    package static let flux1Cases = names(in: "flux1").filter { !$0.hasPrefix("components-") }
    /// The names of the goldens of requests to FLUX.2's pipelines.
    package static let flux2Cases = names(in: "flux2").filter { !$0.hasPrefix("components-") }
    /// The names of the goldens of requests to Qwen-Image's pipeline.
    package static let qwenImageCases = names(in: "qwen-image").filter { $0 != "components" }
    /// The names of the goldens of requests to Qwen-Image's pipeline of edits.
    package static let qwenImageEditCases = names(in: "qwen-image-edit")
    /// The names of the goldens of requests to LTX-2's pipelines.
    package static let ltx2Cases = names(in: "ltx2/pipelines")
    /// The names of the goldens of requests to Cosmos3's pipelines.
    package static let cosmos3Cases = names(in: "cosmos3/pipelines")
    /// The names of the goldens of requests to Wan's pipelines.
    package static let wanCases = names(in: "wan/pipelines")

    /// The names of the goldens of requests with a step cache.
    package static let cacheCases =
        names(in: "caches")
        + ["flux2", "qwen-image"].flatMap { folder in
            names(in: "caches/\(folder)").map { "\(folder)/\($0)" }
        }

    private static func names(in subfolder: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(subfolder)")) ?? []
        return names.filter { $0.hasSuffix(".safetensors") }
            .map { String($0.dropLast(".safetensors".count)) }.sorted()
    }

    /// The names of the tensors, sorted.
    package var names: [String] { file.entries.map(\.name).sorted() }

    /// The instruction set that the reference's kernels used.
    package var cpuCapability: String { file.metadata["cpu_capability"] ?? "" }

    /// What was asked of the pipeline.
    ///
    /// - Returns: the request
    /// - Throws: `DecodingError`
    package func request() throws -> GoldenRequest {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        var request = try decoder.decode(GoldenRequest.self, from: Data((file.metadata["request"] ?? "").utf8))
        request.areas = try file.metadata["areas"].map {
            try JSONDecoder().decode([String: Double].self, from: Data($0.utf8))
        }
        return request
    }

    /// The configuration of the step cache, as YAML, and what it did in every call of a transformer.
    ///
    /// - Returns: both
    /// - Throws: `DecodingError`
    package func cache() throws -> (yaml: String, calls: [CachedCall]) {
        (
            "cache_config: \(file.metadata["cache"] ?? "")",
            try JSONDecoder().decode([CachedCall].self, from: Data((file.metadata["calls"] ?? "").utf8))
        )
    }

    /// What was asked of the pipeline, as arguments of `visualgen generate`.
    ///
    /// - Returns: the arguments, with the full paths of model and images
    /// - Throws: `DecodingError`
    package func command() throws -> [String] {
        let arguments = try JSONDecoder().decode([String].self, from: Data((file.metadata["command"] ?? "").utf8))
        return arguments.map { argument in
            argument.hasPrefix("checkpoints/")
                ? "\(Self.folder)/\(argument)" : argument.replacing("image=wan/", with: "image=\(Self.folder)/wan/")
        }
    }

    /// The config of the scheduler that took the place of the checkpoint's, if one did.
    ///
    /// - Returns: its keys and values
    /// - Throws: an error of JSON
    package func scheduler() throws -> [String: Any]? {
        let request = try JSONSerialization.jsonObject(with: Data((file.metadata["request"] ?? "").utf8))
        return (request as? [String: Any])?["scheduler"] as? [String: Any]
    }

    /// The configs of the cases of a golden that has several, by case.
    ///
    /// - Returns: their keys and values
    /// - Throws: an error of JSON
    package func configs() throws -> [String: [String: Any]] {
        let configs = try JSONSerialization.jsonObject(with: Data((file.metadata["configs"] ?? "").utf8))
        return configs as? [String: [String: Any]] ?? [:]
    }

    /// Whether there is a tensor of this name.
    package func contains(_ name: String) -> Bool { file[name] != nil }

    /// The tensor of a name.
    ///
    /// - Parameter name: its name
    /// - Returns: the tensor
    package func tensor(_ name: String) throws(GoldenError) -> GoldenTensor {
        guard let entry = file[name] else { throw .missing(name, in: file.path) }
        return GoldenTensor(
            name: name, shape: entry.shape, dtype: entry.dtype, bytes: [UInt8](file.bytes(of: entry)))
    }
}

/// A golden that lacks what a test looks for.
package enum GoldenError: Error, CustomStringConvertible {
    case missing(String, in: String)

    package var description: String {
        switch self {
        case .missing(let name, let file): "\(file) has no \(name)"
        }
    }
}

/// A request as the reference took it; texts are nil where none was given.
package struct GoldenRequest: Decodable, Sendable {
    package let model: String
    package let prompts: [String]
    package let prompt2, negativePrompt, negativePrompt2: [String]?
    package let guidanceScale: Double?
    package let trueCfgScale, guidanceScale2: Double?
    package let height, width: Int?
    package let numInferenceSteps: Int
    package let numFrames: Int?
    /// Names of images, in ``pictures``.
    package let image: Images?
    package let lastImage: String?
    package let sigmas: [Double]?
    package let numImagesPerPrompt: Int
    package let seeds: [UInt64]
    package let maxSequenceLength: Int?
    package let frameRate: Double?
    /// The guidance of LTX-2.
    package let stgScale, modalityScale, guidanceRescale: Double?
    package let audioGuidanceScale, audioStgScale, audioModalityScale, audioGuidanceRescale: Double?
    package let spatioTemporalGuidanceBlocks: [Double]?
    package let useCrossTimestep: Bool?
    /// What is said around a prompt to Cosmos3, whether it makes sound, and where its steps are guided.
    package let useSystemPrompt, useDurationTemplate, useResolutionTemplate, enableAudio: Bool?
    package let guidanceInterval: [Double]?
    package let imageCondStrength: Double?
    /// The checkpoint of LTX-2's latent upsampler, and the noise levels of the second stage.
    package let upsampler: String?
    package let stage2Sigmas: [Double]?
    /// What reference images are resized to, in pixels, by the reference's name of each area.
    package var areas: [String: Double]?

    /// The names of one image or of several.
    package struct Images: Decodable, Sendable {
        package let names: [String]

        package init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            names = try (try? [value.decode(String.self)]) ?? value.decode([String].self)
        }
    }

    /// The folder of the family's images.
    package var pictures: String {
        let makesVideos = ["wan", "ltx2", "cosmos3"].contains { model.hasPrefix($0) }
        return "\(Golden.folder)/\(makesVideos ? "wan" : "flux2")/pictures"
    }
}

/// What a step cache of the reference did in one call of a transformer.
package struct CachedCall: Decodable, Sendable {
    /// 1 is the second transformer.
    package let transformer: Int
    /// Whether blocks were left out.
    package let skipped: Bool
    /// The relative change, if it was measured.
    package let change: Double?
}
