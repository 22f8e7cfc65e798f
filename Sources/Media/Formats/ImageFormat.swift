internal import Files

/// A file format that still images are written in.
package enum ImageFormat: String, CaseIterable, Sendable, CustomStringConvertible {
    case png = "PNG"
    case jpeg = "JPEG"
    case webp = "WebP"

    package var description: String { rawValue }

    /// How names of such files end, without the dot; the usual one first.
    package var fileExtensions: [String] {
        switch self {
        case .png: ["png"]
        case .jpeg: ["jpg", "jpeg"]
        case .webp: ["webp"]
        }
    }

    /// What HTTP calls it.
    package var mediaType: String { "image/\(rawValue.lowercased())" }

    /// The format that a file's name asks for.
    ///
    /// - Parameter path: its extension counts, in small or capital letters
    /// - Throws: `.unknownExtension`
    package init(path: String) throws(MediaError) {
        let name = path.pathNames.last { !$0.isEmpty } ?? ""
        let ending = name.split(separator: ".", omittingEmptySubsequences: false).dropFirst().last?.lowercased()
        guard let format = Self.allCases.first(where: { $0.fileExtensions.contains(ending ?? "") }) else {
            throw .unknownExtension(path: path, known: Self.allCases.flatMap(\.fileExtensions).map { ".\($0)" })
        }
        self = format
    }
}
