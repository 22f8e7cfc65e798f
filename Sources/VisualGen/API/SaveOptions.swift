internal import Diffusion
internal import Media

/// Where an output is saved, and as what, in the words of ``VisualGenOutput/save(_:format:frameRate:quality:crf:)``.
struct SaveOptions: Sendable {
    let path: String
    /// A format's name; nil for what the path says.
    let format: String?
    /// Frames a second; nil for a video's own.
    let frameRate: Double?
    /// 1 to 100, of JPEG, WebP and AVI.
    let quality: Int
    /// Of MP4 and WebM; nil for the format's own.
    let crf: Int?

    /// The files that several outputs become.
    ///
    /// - Parameters:
    ///   - count: how many images or videos
    ///   - frames: of each video; nil for images
    ///   - ownRate: a video's own frames a second
    /// - Returns: a path for each, and their encoding
    /// - Throws: `RequestError`, `MediaError` or ``OutputError``, before anything is written
    func files(_ count: Int, frames: Int?, ownRate: Double) throws -> (paths: [String], encoding: OutputEncoding) {
        guard (1...100).contains(quality) else {
            throw RequestError.value("quality", found: "\(quality)", expected: "from 1 to 100")
        }
        let format =
            try self.format.map { name throws(RequestError) in try OutputFormat(named: name, frames: frames) }
            ?? OutputFormat(path: path, frames: frames)
        let paths = try format.paths(path, count: count)
        for path in paths { try OutputError.check(path) }
        switch format {
        case .image(let format): return (paths, .image(format, quality: quality))
        case .video(let format):
            let (encoding, rate) = (try encoding(format), try FrameRate(frameRate ?? ownRate))
            try encoding.validate(at: rate)
            return (paths, .video(encoding, rate))
        }
    }

    private func encoding(_ format: VideoFormat) throws(MediaError) -> VideoEncoding {
        if let crf { return try VideoEncoding(format, crf: crf) }
        return switch format {
        case .webp: .webp(quality: quality)
        case .avi: .motionJPEG(quality: quality)
        case .mp4, .webm, .gif, .images: VideoEncoding(format)
        }
    }
}
