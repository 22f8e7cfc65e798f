internal import CFFmpeg
internal import Files

/// A file format for videos.
package enum VideoFormat: String, CaseIterable, Sendable, CustomStringConvertible {
    case mp4 = "MP4"
    case webm = "WebM"
    case webp = "animated WebP"
    case gif = "GIF"
    case avi = "AVI"
    /// Numbered images in a folder.
    case images = "PNG files"

    package var description: String { rawValue }

    /// How names of such files end, without the dot; none for ``images``.
    package var fileExtension: String? {
        switch self {
        case .mp4: "mp4"
        case .webm: "webm"
        case .webp: "webp"
        case .gif: "gif"
        case .avi: "avi"
        case .images: nil
        }
    }

    /// The format that a file's name asks for.
    ///
    /// - Parameter path: its extension counts, in small or capital letters; a name that ends in `/`, or in `.png` and
    ///   has a `%d` or `%05d` for the number, asks for ``images``
    /// - Throws: `.unknownVideoExtension`
    package init(path: String) throws(MediaError) {
        if ImagePattern(path) != nil {
            self = .images
            return
        }
        let name = path.pathNames.last { !$0.isEmpty } ?? ""
        let ending = name.split(separator: ".", omittingEmptySubsequences: false).dropFirst().last?.lowercased()
        for format in Self.allCases {
            if let known = format.fileExtension, known == ending {
                self = format
                return
            }
        }
        throw .unknownVideoExtension(path: path, known: Self.allCases.compactMap(\.fileExtension).map { ".\($0)" })
    }

    /// FFmpeg's name of the encoder that the format needs.
    package var encoder: String {
        switch self {
        case .mp4: "libx264"
        case .webm: "libvpx-vp9"
        case .webp: "libwebp"
        case .gif: "gif"
        case .avi: "mjpeg"
        case .images: "png"
        }
    }

    /// Whether this machine's FFmpeg can write the format.
    package var isAvailable: Bool { FFmpeg.isSilent && avcodec_find_encoder_by_name(encoder) != nil }

    /// What plays nearly everywhere: MP4, or AVI on a machine without an encoder for H.264.
    package static var best: VideoFormat { mp4.isAvailable ? .mp4 : .avi }

    /// FFmpeg's name of the container; ``images`` have none.
    var container: String { fileExtension ?? "" }
}
