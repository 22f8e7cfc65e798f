internal import Diffusion
internal import Foundation
internal import Media
internal import VisualGen

/// Where images or videos go, and as what; all that can be wrong with it is found out before any work is done.
struct OutputPaths {
    /// One path for each image or video.
    let paths: [String]
    /// What the paths ask for.
    let encoding: OutputEncoding
    /// Where the sound goes besides, for each video; none unless it is asked for.
    let soundPaths: [String]

    /// Numbers a path for several outputs, and checks that they can be written.
    ///
    /// - Parameters:
    ///   - path: what the user asked for; nil for `output.png`, or `output.mp4` where there are several frames
    ///   - request: a resolved request
    ///   - crf: the quality of a video; nil for the format's own
    ///   - asksForSound: whether the user says that there is to be sound
    ///   - wav: whether the sound is written beside each video, too
    /// - Throws: `RequestError` or `MediaError` for what cannot be made, ``OutputError``
    init(
        _ path: String?, for request: GenerationRequest, crf: Int?, asksForSound: Bool = false, wav: Bool = false
    ) throws {
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
        let hasSound = if case .video(let format) = format { format.hasSound } else { false }
        if asksForSound, !hasSound, !wav {
            throw RequestError.value("enable_audio", found: "true", expected: "left out: \(path) has no sound")
        }
        if wav, request.extra["enable_audio"]?.flag != true {
            throw RequestError.value("wav", found: "true", expected: "left out: there is no sound")
        }
        soundPaths = wav ? paths.map(Self.soundPath) : []
        for path in paths + soundPaths { try OutputError.check(path) }
    }

    /// `a.wav` beside `a.mp4`, `a/` and `a-%05d.png`.
    private static func soundPath(_ path: String) -> String {
        let stem = path.hasSuffix("/") ? String(path.dropLast()) : (path as NSString).deletingPathExtension
        let plain = stem.prefix { $0 != "%" }
        let name = plain.count < stem.count && plain.hasSuffix("-") ? plain.dropLast() : plain
        return "\(name).wav"
    }

    /// What takes the parts of the output.
    ///
    /// - Parameter recipe: how each image or video is made
    func writer(_ recipe: (_ image: Int) -> Recipe) -> OutputWriter {
        let files = paths.enumerated().map { image, path in
            OutputWriter.File(path, recipe(image), soundPath: soundPaths.isEmpty ? nil : soundPaths[image])
        }
        return OutputWriter(files, as: encoding)
    }

    private static func standard(frames: Int?) -> String {
        (frames ?? 1) == 1 ? "output.png" : "output.\(VideoFormat.best.fileExtension ?? "")"
    }
}
