extension StillFile {
    /// Looks through a file of any known format.
    ///
    /// - Parameter bytes: a whole file
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
}
