internal import Files

extension Image {
    /// The longest file that is read, in bytes.
    static let fileLimit = 512 << 20

    /// Decodes a PNG, a JPEG, a WebP or a GIF, whichever the bytes are.
    ///
    /// Grey, palette, 16-bit, transparent and four-colour images become RGB as PIL's `convert("RGB")` makes them:
    /// transparency is dropped, of 16 bits the upper 8 stay. The image is turned as its EXIF or XMP data ask. Of an
    /// animation the first frame is taken. Colour profiles are ignored. Damage that PIL passes over is passed over.
    ///
    /// - Parameters:
    ///   - bytes: a whole file
    ///   - pixelLimit: the most pixels that are decoded, at most ``pixelLimit``
    /// - Throws: ``MediaError``; an image too large is refused before room for its pixels is made
    package init(decoding bytes: [UInt8], pixelLimit: Int = Image.pixelLimit) throws(MediaError) {
        let file = try StillFile(bytes)
        try Self.checkSize(width: file.width, height: file.height, pixelLimit: pixelLimit)
        var image = try file.pixels.decoded()
        if let placement = file.placement {
            image = try image.placed(placement, width: file.width, height: file.height)
        }
        guard (image.width, image.height) == (file.width, file.height) else {
            throw .damaged(file.format, "it gives two different sizes")
        }
        self = try file.orientation.applied(to: image)
    }

    /// Reads and decodes a file.
    ///
    /// - Parameter path: a PNG, a JPEG, a WebP or a GIF; what it is tell its bytes, not its name
    package init(path: String) throws(MediaError) {
        try self.init(decoding: Self.bytes(at: path))
    }

    /// An image's file as it is.
    ///
    /// - Parameter path: the file
    /// - Returns: all its bytes
    /// - Throws: `.cannotRead`, also where something else than a regular file has the name
    package static func bytes(at path: String) throws(MediaError) -> [UInt8] {
        do {
            return try InputFile(reading: path).readAll(limit: fileLimit)
        } catch {
            throw .cannotRead(path: error.path, reason: error.fault.reason)
        }
    }

    /// How large an image is, found without decoding it.
    ///
    /// - Parameter bytes: a whole file
    /// - Returns: its sides in pixels, once it is turned as it asks to be
    /// - Throws: ``MediaError`` as decoding it would
    package static func size(of bytes: [UInt8]) throws(MediaError) -> (width: Int, height: Int) {
        let file = try StillFile(bytes)
        try checkSize(width: file.width, height: file.height)
        return file.orientation.swapsSides ? (file.height, file.width) : (file.width, file.height)
    }

    /// The image on a larger one of one colour.
    private func placed(_ placement: StillFile.Placement, width: Int, height: Int) throws(MediaError) -> Image {
        if (placement.x, placement.y, self.width, self.height) == (0, 0, width, height) { return self }
        let row = [[UInt8]](repeating: placement.around, count: width).flatMap { $0 }
        var pixels: [UInt8] = []
        pixels.reserveCapacity(row.count * height)
        for _ in 0..<height { pixels += row }
        for y in 0..<self.height {
            let start = 3 * ((y + placement.y) * width + placement.x)
            let row = 3 * y * self.width..<3 * (y + 1) * self.width
            pixels.replaceSubrange(start..<start + row.count, with: self.pixels[row])
        }
        return try Image(width: width, height: height, pixels: pixels)
    }
}
