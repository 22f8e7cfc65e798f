import CFFmpeg
internal import Files

extension Image {
    /// The most pixels a side that are decoded.
    package static let sideLimit = 16_384
    /// The most pixels in all that are decoded.
    package static let pixelLimit = 100_000_000

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
        var image = try Image(coded: file)
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

    /// Refuses a size that is not decoded.
    ///
    /// - Throws: `.emptyImage`, `.imageTooLarge`
    static func checkSize(width: Int, height: Int, pixelLimit: Int = pixelLimit) throws(MediaError) {
        guard width > 0, height > 0 else { throw .emptyImage(width: width, height: height) }
        guard max(width, height) <= sideLimit, width * height <= pixelLimit else {
            throw .imageTooLarge(width: width, height: height, sideLimit: sideLimit, pixelLimit: pixelLimit)
        }
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

extension Image {
    /// Decodes the pixels as they are stored.
    fileprivate init(coded file: StillFile) throws(MediaError) {
        switch file.coded {
        case .jpeg(let bytes, let components):
            try self.init(jpeg: bytes, components: components, width: file.width, height: file.height)
        case .png(let pixels):
            try self.init(width: pixels.header.width, height: pixels.header.height, pixels: pixels.unpacked())
        case .file(let bytes): try self.init(Self.decodedFrame(bytes, file.format), of: file.format)
        }
    }

    private static func decodedFrame(_ bytes: [UInt8], _ format: DecodableFormat) throws(MediaError) -> Frame {
        let decoder = try CodecContext(decoder: format == .gif ? AV_CODEC_ID_GIF : AV_CODEC_ID_WEBP)
        let context = decoder.pointer
        context.pointee.max_pixels = Int64(Image.pixelLimit)
        context.pointee.thread_count = 1
        context.pointee.err_recognition = AV_EF_EXPLODE | AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER
        if let reason = decoder.open() { throw .cannotDecode(format, reason: reason) }
        let packet = try Packet(bytes)
        let frame = try Frame()
        var code = avcodec_send_packet(context, packet.pointer)
        if code >= 0 { code = avcodec_send_packet(context, nil) }
        if code >= 0 { code = avcodec_receive_frame(context, frame.pointer) }
        guard code >= 0 else { throw .cannotDecode(format, reason: FFmpeg.reason(code)) }
        guard frame.pointer.pointee.decode_error_flags == 0, frame.pointer.pointee.flags & AV_FRAME_FLAG_CORRUPT == 0
        else { throw .damaged(format, "its pixels do not decode") }
        return frame
    }
}
