internal import Diffusion
internal import Media
internal import VisualGen

/// What a job makes, on its way into files; videos are encoded as their frames come.
final class JobOutput: Sendable {
    private let writer: OutputWriter
    private let thumbnails: Thumbnails

    /// - Parameters:
    ///   - job: what is done
    ///   - request: the same, resolved
    ///   - model: who does it
    ///   - folder: where its files go
    /// - Throws: `MediaError` for frames a second that no file can have
    init(of job: Job, _ request: GenerationRequest, _ model: ServedModel, in folder: JobFolder) throws {
        let files = (0..<request.outputCount).map { index in
            OutputWriter.File(
                folder.output(index, of: job),
                Recipe(
                    request, model: model.name, dtype: model.dtype, model.compute, image: index))
        }
        writer = OutputWriter(files, as: try Self.encoding(of: job, request))
        thumbnails = Thumbnails(of: job, in: folder)
    }

    /// Seconds spent on encoding and writing so far.
    var seconds: Double { writer.seconds }

    /// Takes a part; one with the first frame begins the files anew.
    func deliver(_ part: OutputPart) throws {
        try writer.deliver(part)
        if case .pixels(let pixels) = part { try thumbnails.add(pixels) }
    }

    /// Gives every file its name.
    func finish() throws {
        try writer.finish()
        try thumbnails.write()
    }

    /// Removes what is not finished; no part is taken any more.
    func abandon() { writer.abandon() }

    private static func encoding(of job: Job, _ request: GenerationRequest) throws -> OutputEncoding {
        if job.kind == .video {
            let format = try VideoFormat(path: "video.\(job.work.format)")
            return .video(VideoEncoding(format), try FrameRate(request.frameRate ?? 24))
        }
        return .image(try ImageFormat(path: "image.\(job.work.format)"), quality: job.work.quality)
    }
}
