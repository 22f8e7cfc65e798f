/// An image of 8-bit RGB pixels.
package struct Image: Equatable, Sendable {
    /// In pixels, at least 1.
    package let width: Int
    /// In pixels, at least 1.
    package let height: Int
    /// Red, green and blue of each pixel, rows from the top, `[height, width, 3]`.
    package let pixels: [UInt8]

    /// - Parameters:
    ///   - width: in pixels
    ///   - height: in pixels
    ///   - pixels: `[height, width, 3]`
    /// - Throws: ``MediaError`` where the sizes are not positive or the bytes do not fit them
    package init(width: Int, height: Int, pixels: [UInt8]) throws(MediaError) {
        guard width > 0, height > 0 else { throw .emptyImage(width: width, height: height) }
        let (count, overflow) = width.multipliedReportingOverflow(by: height)
        guard !overflow, pixels.count.isMultiple(of: 3), pixels.count / 3 == count else {
            throw .pixelCount(width: width, height: height, found: pixels.count)
        }
        (self.width, self.height, self.pixels) = (width, height, pixels)
    }

    /// Red, green and blue of one pixel, counted from the left and the top.
    package subscript(x: Int, y: Int) -> (red: UInt8, green: UInt8, blue: UInt8) {
        precondition(x < width, "beyond the right edge")
        let start = 3 * (y * width + x)
        return (pixels[start], pixels[start + 1], pixels[start + 2])
    }
}
