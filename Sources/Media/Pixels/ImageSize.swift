extension Image {
    /// The most pixels a side that are decoded.
    package static let sideLimit = 16_384
    /// The most pixels in all that are decoded.
    package static let pixelLimit = 100_000_000

    /// Refuses a size that is not decoded.
    ///
    /// - Throws: `.emptyImage`, `.imageTooLarge`
    static func checkSize(width: Int, height: Int, pixelLimit: Int = pixelLimit) throws(MediaError) {
        guard width > 0, height > 0 else { throw .emptyImage(width: width, height: height) }
        guard max(width, height) <= sideLimit, width * height <= pixelLimit else {
            throw .imageTooLarge(width: width, height: height, sideLimit: sideLimit, pixelLimit: pixelLimit)
        }
    }
}
