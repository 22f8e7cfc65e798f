/// An image's file, looked through but not decoded.
struct StillFile {
    /// Where a smaller frame lies on the image of an animation.
    struct Placement {
        let x, y, width, height: Int
        /// The colour beside it: red, green and blue.
        var around: [UInt8] = [0, 0, 0]
    }

    /// What is to be decoded.
    enum Coded {
        /// A whole file.
        case jpeg([UInt8], components: Int)
        case png(PNGPixels)
        /// A file for FFmpeg, with nothing but what the pixels need.
        case file([UInt8])
    }

    let format: DecodableFormat
    /// The size of the image as it is stored, in pixels.
    let width, height: Int
    /// How the stored image is to be turned.
    let orientation: ImageOrientation
    let coded: Coded
    /// Where the decoded pixels go; nil where they are the image.
    var placement: Placement?

    /// Looks through a file of any known format.
    ///
    /// - Throws: `.notAnImage`, `.damaged`, `.unsupported`, `.emptyImage`, `.imageTooLarge`
    init(_ bytes: [UInt8]) throws(MediaError) {
        switch DecodableFormat(signature: bytes) {
        case .png: self = try PNGFile.scan(bytes)
        case .jpeg: self = try JPEGFile.scan(bytes)
        case .webp: self = try WebPFile.scan(bytes)
        case .gif: self = try GIFFile.scan(bytes)
        case nil: throw .notAnImage
        }
    }

    init(
        format: DecodableFormat, width: Int, height: Int, orientation: ImageOrientation, coded: Coded,
        placement: Placement? = nil
    ) {
        (self.format, self.width, self.height, self.orientation) = (format, width, height, orientation)
        (self.coded, self.placement) = (coded, placement)
    }
}
