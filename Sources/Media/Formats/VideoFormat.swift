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
}
