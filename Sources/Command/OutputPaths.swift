internal import Diffusion
internal import Media
internal import VisualGen

/// Where images or videos go, and as what; all that can be wrong with it is found out before any work is done.
struct OutputPaths {
    /// One path for each image or video.
    let paths: [String]
    /// What the paths ask for.
    let encoding: OutputEncoding

    /// Numbers a path for several outputs, and checks that they can be written.
    ///
    /// - Parameters:
    ///   - path: what the user asked for; nil for `output.png`, or `output.mp4` where there are several frames
    ///   - request: a resolved request
    ///   - crf: the quality of a video; nil for the format's own
    /// - Throws: `RequestError` or `MediaError` for what cannot be made, ``OutputError``
    init(_ path: String?, for request: GenerationRequest, crf: Int?) throws {
        let path = path ?? Self.standard(frames: request.numFrames)
        let format = try OutputFormat(path: path, frames: request.numFrames)
        paths = try format.paths(path, count: request.outputCount)
        switch format {
        case .image(let format):
            if let crf {
                throw RequestError.value("crf", found: "\(crf)", expected: "left out: \(path) is an image")
            }
            encoding = .image(format)
        case .video(let format):
            guard let framesPerSecond = request.frameRate else { throw RequestError.missing("frame_rate") }
            let rate = try FrameRate(framesPerSecond)
            let encoding = try crf.map { try VideoEncoding(format, crf: $0) } ?? VideoEncoding(format)
            try encoding.validate(at: rate)
            self.encoding = .video(encoding, rate)
        }
        for path in paths { try OutputError.check(path) }
    }

    /// What takes the parts of the output.
    ///
    /// - Parameter recipe: how each image or video is made
    func writer(_ recipe: (_ image: Int) -> Recipe) -> OutputWriter {
        OutputWriter(paths.enumerated().map { OutputWriter.File($1, recipe($0)) }, as: encoding)
    }

    private static func standard(frames: Int?) -> String {
        (frames ?? 1) == 1 ? "output.png" : "output.\(VideoFormat.best.fileExtension ?? "")"
    }
}
