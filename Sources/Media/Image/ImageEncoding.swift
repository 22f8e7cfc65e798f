/// How an image becomes a file.
package enum ImageEncoding: Equatable, Sendable {
    /// Lossless, with texts that travel in the file.
    case png(text: [PNGText] = [])
    /// Quality 1 to 100 on the scale of the Independent JPEG Group, as PIL and others have it.
    ///
    /// From 90 on colour keeps its full resolution (4:4:4); below, each 2×2 pixels share a colour (4:2:0).
    case jpeg(quality: Int = 95)
    /// Lossy, quality 1 to 100; colour always has half the resolution.
    case webp(quality: Int = 90)
    /// Lossless. The quality tells how hard to search for a small file, 1 to 100.
    case webpLossless(effort: Int = 50)

    /// The encoding of a format with its default settings.
    package init(_ format: ImageFormat) {
        self =
            switch format {
            case .png: .png()
            case .jpeg: .jpeg()
            case .webp: .webp()
            }
    }

    /// The file format.
    package var format: ImageFormat {
        switch self {
        case .png: .png
        case .jpeg: .jpeg
        case .webp, .webpLossless: .webp
        }
    }
}
