extension Image {
    /// How many pixels an image's file has, found without decoding it.
    ///
    /// - Parameter bytes: a whole file
    /// - Returns: its pixels
    /// - Throws: ``MediaError`` as decoding it would
    package static func pixelCount(of bytes: [UInt8]) throws(MediaError) -> Int {
        let file = try StillFile(bytes)
        try checkSize(width: file.width, height: file.height)
        return file.width * file.height
    }
}
