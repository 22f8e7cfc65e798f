internal import ArgumentParser
internal import Diffusion
internal import Engine
internal import Foundation
internal import Layers
internal import Media
internal import Models
internal import Tensors
internal import VisualGen

/// `visualgen inspect`.
struct Inspect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Tell what a model is and whether it is whole, or how a picture or a video was made.")

    @Argument(help: "A checkpoint's folder, a hub id, a built-in model, or a PNG, MP4, WebM or AVI made here.")
    var subject: String

    @Flag(name: .long, help: "Skip config keys that this build does not know.")
    var allowUnknownConfig = false

    func run() async throws {
        var isFolder: ObjCBool = false
        let path = try await ModelLocation.path(of: subject)
        let isFile = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
        if isFile, let format = try? ImageFormat(path: path), format != .webp {
            try inspectPicture(path, format)
        } else if isFile, let format = try? VideoFormat(path: path) {
            try inspectVideo(path, format)
        } else {
            try inspectModel(Catalog.model(at: path, allowingUnknownConfig: allowUnknownConfig))
        }
    }

    private func inspectPicture(_ path: String, _ format: ImageFormat) throws {
        guard format == .png else { throw InspectionError.noRecipe(path, kind: "\(format)") }
        let bytes = try Image.bytes(at: path)
        let texts: [PNGText]
        do {
            texts = try PNGText.read(bytes)
        } catch {
            throw Failure(.input, "\(path): \(error)")
        }
        for text in texts { print("\(text.keyword): \(text.text)") }
        guard let command = Recipe.command(from: texts) else {
            throw InspectionError.noRecipe(path, kind: "\(format)")
        }
        print("\n\(command)")
    }

    private func inspectVideo(_ path: String, _ format: VideoFormat) throws {
        // FFmpeg 5.1 does not read animated WebP, and neither those nor GIF files carry a comment.
        guard format != .webp else { throw InspectionError.noRecipe(path, kind: "WebP") }
        let video = try VideoReader(path: path)
        var count = 0
        while try video.next() != nil { count += 1 }
        let figures = [
            "\(video.width)x\(video.height)", "\(count) frames", video.rate.map { "\($0.value) a second" },
            video.duration.map { String(format: "%.2f s", $0) }, video.codec, video.pixelFormat,
        ]
        print("\(format): \(figures.compactMap(\.self).joined(separator: ", "))")
        if !video.comment.isEmpty { print(video.comment) }
        guard let command = Recipe.command(fromComment: video.comment) else {
            throw InspectionError.noRecipe(path, kind: "\(format)")
        }
        print("\n\(command)")
    }

    private func inspectModel(_ model: any ModelFamily) throws {
        let (family, checkpoint) = (type(of: model), model.checkpoint)
        print("\(family.name) (\(checkpoint.pipelineClass)) at \(checkpoint.path)")
        var faults = 0
        for component in model.components {
            let report = try ComponentReport(component)
            print(report)
            faults += report.faults.count
        }
        // What has no weights: the tokenizers and the scheduler.
        if faults == 0 { _ = try model.load(ExecutionPlan(), memoryLimit: nil) }
        let parameters = family.parameters.map(\.name).joined(separator: ", ")
        print("parameters of its own: \(parameters)")
        if faults > 0 { throw WeightError.faults(faults, in: checkpoint.path) }
    }
}

/// A picture or a video that is not VisualGen's, or of a format that cannot tell how it was made.
enum InspectionError: Error, CustomStringConvertible {
    case noRecipe(String, kind: String)

    var description: String {
        switch self {
        case .noRecipe(let path, let kind): "\(path) is a \(kind) that does not say how it was made"
        }
    }
}

/// What a component has, beside what it should have.
struct ComponentReport: CustomStringConvertible {
    let description: String
    /// One sentence for each tensor that is missing, unread, of another shape or of a type that no model computes in.
    let faults: [String]

    init(_ component: any InspectableComponent) throws {
        let weights = try SafetensorsCheckpoint(CheckpointFiles.locate(in: component.folder))
        var unread = Set(weights.names)
        var faults: [String] = []
        var parameters = 0
        let listing = try component.listing(of: unread)
        for (key, shape) in listing.entries {
            unread.remove(key)
            parameters += shape.reduce(1, *)
            guard let entry = weights[key]?.entry else {
                faults.append("missing: \(key)")
                continue
            }
            if DType(entry.dtype)?.isFloatingPoint != true {
                faults.append("type: \(key) is \(entry.dtype.rawValue), a float type is needed")
            }
            if entry.shape != shape { faults.append("shape: \(key) is \(entry.shape), the config asks for \(shape)") }
        }
        faults += unread.subtracting(listing.disregarded).sorted().map { "unread: \($0)" }
        let bytes = weights.names.compactMap { weights[$0]?.entry.byteRange.count }.reduce(0, +)
        let types = Set(weights.names.compactMap { weights[$0]?.entry.dtype.rawValue }).sorted()
        var lines = [
            "\(component.name): \(Self.millions(parameters)) parameters, \(weights.names.count) tensors, "
                + "\(types.joined(separator: " ")), \(Self.megabytes(bytes)) in \(weights.files.count) "
                + "file\(weights.files.count == 1 ? "" : "s")"
        ]
        if !component.skippedKeys.isEmpty {
            lines.append("  config keys without effect: \(component.skippedKeys.joined(separator: ", "))")
        }
        lines += faults.map { "  \($0)" }
        self.faults = faults
        description = lines.joined(separator: "\n")
    }

    private static func millions(_ count: Int) -> String { String(format: "%.1f M", Double(count) / 1e6) }
    private static func megabytes(_ bytes: Int) -> String { String(format: "%.1f MB", Double(bytes) / 1e6) }
}
