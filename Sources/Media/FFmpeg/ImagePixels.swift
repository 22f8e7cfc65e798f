import CFFmpeg

extension Image {
    /// The RGB pixels of a decoded frame.
    ///
    /// - Throws: `.unsupported` for a pixel format that no still image is known to have
    init(_ frame: borrowing Frame, of format: DecodableFormat) throws(MediaError) {
        let (width, height) = (frame.width, frame.height)
        guard width > 0, height > 0 else { throw .emptyImage(width: width, height: height) }
        let pixels =
            switch frame.format {
            case AV_PIX_FMT_ARGB: frame.packedPixels(red: 1, green: 2, blue: 3)
            case AV_PIX_FMT_BGRA: frame.packedPixels(red: 2, green: 1, blue: 0)
            default: frame.lumaAndChromaPixels()
            }
        guard let pixels else { throw .unsupported(format, "it has a pixel format that is not known") }
        try self.init(width: width, height: height, pixels: pixels)
    }
}

extension Frame {
    /// Fills rows of RGB bytes, top to bottom.
    borrowing func rows(_ fill: (_ y: Int, _ row: UnsafeMutablePointer<UInt8>) -> Void) -> [UInt8] {
        let (width, height) = (width, height)
        return [UInt8](unsafeUninitializedCapacity: 3 * width * height) { buffer, count in
            buffer.initialize(repeating: 0)
            if let start = buffer.baseAddress {
                for y in 0..<height { fill(y, start + 3 * y * width) }
            }
            count = 3 * width * height
        }
    }

    /// Pixels of 4 bytes, and where in them the colours lie.
    fileprivate borrowing func packedPixels(red: Int, green: Int, blue: Int) -> [UInt8]? {
        guard let (start, stride) = plane(0) else { return nil }
        let width = width
        return rows { y, row in
            let source = start + y * stride
            for x in 0..<width {
                let pixel = source + 4 * x
                row[3 * x] = pixel[red]
                row[3 * x + 1] = pixel[green]
                row[3 * x + 2] = pixel[blue]
            }
        }
    }
}
