/// How frames become a video file.
package enum VideoEncoding: Equatable, Sendable {
    /// MP4 with H.264 that every player and browser reads (yuv420p, BT.709), its index before the frames.
    ///
    /// CRF 0 to 51, lower is better. 18 looks as the original does; the file may yet be cut and encoded again.
    case h264(crf: Int = 18)
    /// WebM with VP9 (yuv420p, BT.709); CRF 0 to 63, lower is better.
    case vp9(crf: Int = 24)
    /// Animated WebP that repeats for ever; lossy, quality 1 to 100.
    case webp(quality: Int = 90)
    /// GIF that repeats for ever, with 256 colours for each frame.
    case gif
    /// AVI with a JPEG for each frame; quality 1 to 100.
    case motionJPEG(quality: Int = 95)
    /// Numbered PNG files, lossless.
    case images

    /// The encoding of a format with its default settings.
    package init(_ format: VideoFormat) {
        self =
            switch format {
            case .mp4: .h264()
            case .webm: .vp9()
            case .webp: .webp()
            case .gif: .gif
            case .avi: .motionJPEG()
            case .images: .images
            }
    }

    /// The encoding of a format with a CRF of the user's.
    ///
    /// - Parameters:
    ///   - format: MP4 or WebM
    ///   - crf: lower is better
    /// - Throws: `.noCRF` for other formats
    package init(_ format: VideoFormat, crf: Int) throws(MediaError) {
        switch format {
        case .mp4: self = .h264(crf: crf)
        case .webm: self = .vp9(crf: crf)
        case .webp, .gif, .avi, .images: throw .noCRF(format)
        }
    }

    /// The file format.
    package var format: VideoFormat {
        switch self {
        case .h264: .mp4
        case .vp9: .webm
        case .webp: .webp
        case .gif: .gif
        case .motionJPEG: .avi
        case .images: .images
        }
    }

    /// Refuses settings beyond their range, and what the format or this machine's FFmpeg cannot do.
    ///
    /// - Parameter rate: of the video
    /// - Throws: `.videoSetting`, `.gifRate`, `.missingVideoEncoder`
    package func validate(at rate: FrameRate) throws(MediaError) {
        let setting: (name: String, value: Int, range: ClosedRange<Int>)? =
            switch self {
            case .h264(let crf): ("CRF", crf, 0...51)
            case .vp9(let crf): ("CRF", crf, 0...63)
            case .webp(let quality), .motionJPEG(let quality): ("quality", quality, 1...100)
            case .gif, .images: nil
            }
        if let setting, !setting.range.contains(setting.value) {
            throw .videoSetting(setting.name, setting.value, allowed: setting.range, format: format)
        }
        if self == .gif, rate.value > 50 { throw .gifRate(rate.value) }
        guard format.isAvailable else { throw .missingVideoEncoder(format) }
    }
}
