internal import ArgumentParser
internal import Diffusion
internal import Engine
internal import Files
internal import Foundation
internal import Layers
internal import Media
internal import Tensors
internal import VisualGen

/// `visualgen inspect`.
struct Inspect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Tell what a model is and whether it is whole, or how an image or a video was made.")

    @Argument(help: "A checkpoint's folder or file, a hub id, a built-in model, or a PNG, MP4, WebM or AVI made here.")
    var subject: String

    @OptionGroup var pipeline: PipelineConfigOption

    @Flag(
        name: [.long, .customLong("allow-unknown-config")],
        help: "Skip config keys and tensors that this build does not know.")
    var allowUnknown = false

    func run() async throws {
        var isFolder: ObjCBool = false
        let path = try await ModelLocation.path(of: subject)
        let isFile = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
        if isFile, let format = try? ImageFormat(path: path), format != .webp {
            try inspectImage(path, format)
        } else if isFile, let format = try? VideoFormat(path: path) {
            try inspectVideo(path, format)
        } else {
            try await inspectModel(pipeline.open(path, allowingUnknown: allowUnknown))
        }
    }

    private func inspectImage(_ path: String, _ format: ImageFormat) throws {
        guard format == .png else { throw InspectionError.noRecipe(path, kind: "\(format)") }
        let texts: [PNGText]
        do throws(MediaError) {
            texts = try PNGText.read(path: path)
        } catch {
            if case .cannotRead = error { throw error }
            throw Failure(.input, "\(path): \(error)")
        }
        for text in texts { StandardOutput.print(text.text, under: Self.name(text.keyword)) }
        guard let command = Recipe.command(from: texts) else {
            throw InspectionError.noRecipe(path, kind: "\(format)")
        }
        print()
        // No line of it but those that end a text, and no terminal's command.
        print(command)
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
        StandardOutput.print("\(format): \(figures.compactMap(\.self).joined(separator: ", "))")
        for text in Recipe.texts(fromComment: video.comment) {
            StandardOutput.print(text.text, under: Self.name(text.keyword))
        }
        guard let command = Recipe.command(fromComment: video.comment) else {
            throw InspectionError.noRecipe(path, kind: "\(format)")
        }
        print()
        print(command)
    }

    /// A text's name in the file as it is shown: nothing but a word is taken for one.
    private static func name(_ keyword: String) -> String {
        let isWord = keyword.utf8.allSatisfy { UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 | 0x20 }
        return isWord ? keyword : keyword.quoted
    }

    private func inspectModel(_ model: any ModelFamily) throws {
        let (family, checkpoint) = (type(of: model), model.checkpoint)
        StandardOutput.print("\(family.name) (\(checkpoint.pipelineClass)) at \(checkpoint.path)")
        var faults = 0
        for component in model.components {
            let report = try ComponentReport(component)
            for line in report.lines { StandardOutput.print(line) }
            faults += report.faultCount
        }
        // What has no weights: the tokenizers and the scheduler.
        if faults == 0 { _ = try model.load(PipelineOptions()) }
        let parameters = family.parameters.map(\.name).joined(separator: ", ")
        StandardOutput.print("parameters of its own: \(parameters)")
        if faults > 0 { throw WeightError.faults(faults, in: checkpoint.path) }
    }
}

/// An image or a video that is not VisualGen's, or of a format that cannot tell how it was made.
enum InspectionError: Error, CustomStringConvertible {
    case noRecipe(String, kind: String)

    var description: String {
        switch self {
        case .noRecipe(let path, let kind): "\(path) is a \(kind) that does not say how it was made"
        }
    }
}
