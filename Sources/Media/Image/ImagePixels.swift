import CFFmpeg

extension Image {
    /// The RGB pixels of a decoded frame.
    ///
    /// - Throws: `.unsupported` for a pixel format that no still picture is known to have
    init(_ frame: borrowing Frame, of format: PictureFormat) throws(MediaError) {
        let (width, height) = (frame.width, frame.height)
        guard width > 0, height > 0 else { throw .emptyImage(width: width, height: height) }
        let pixels: [UInt8]?
        if let layout = PackedLayout(frame.format) {
            pixels = frame.packedPixels(layout)
        } else if frame.format == AV_PIX_FMT_PAL8 {
            pixels = frame.palettePixels()
        } else if frame.format == AV_PIX_FMT_MONOBLACK {
            pixels = frame.bitPixels()
        } else if frame.format == AV_PIX_FMT_GBRP || frame.format == AV_PIX_FMT_GBRAP {
            pixels = frame.planarPixels()
        } else {
            pixels = frame.lumaAndChromaPixels(format == .webp ? .webp : .jpeg)
        }
        guard let pixels else { throw .unsupported(format, "it has a pixel format that is not known") }
        try self.init(width: width, height: height, pixels: pixels)
    }
}

/// Where a pixel's colours lie among its bytes; of 16 bits the upper byte.
private struct PackedLayout {
    let size, red, green, blue: Int

    init?(_ format: AVPixelFormat) {
        let layouts: [(AVPixelFormat, (Int, Int, Int, Int))] = [
            (AV_PIX_FMT_RGB24, (3, 0, 1, 2)), (AV_PIX_FMT_BGR24, (3, 2, 1, 0)), (AV_PIX_FMT_RGBA, (4, 0, 1, 2)),
            (AV_PIX_FMT_ARGB, (4, 1, 2, 3)), (AV_PIX_FMT_BGRA, (4, 2, 1, 0)), (AV_PIX_FMT_RGB48BE, (6, 0, 2, 4)),
            (AV_PIX_FMT_RGBA64BE, (8, 0, 2, 4)), (AV_PIX_FMT_GRAY8, (1, 0, 0, 0)), (AV_PIX_FMT_YA8, (2, 0, 0, 0)),
            (AV_PIX_FMT_GRAY16BE, (2, 0, 0, 0)), (AV_PIX_FMT_YA16BE, (4, 0, 0, 0)),
        ]
        guard let layout = layouts.first(where: { $0.0 == format })?.1 else { return nil }
        (size, red, green, blue) = layout
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

    fileprivate borrowing func packedPixels(_ layout: PackedLayout) -> [UInt8]? {
        guard let (start, stride) = plane(0) else { return nil }
        let width = width
        return rows { y, row in
            let source = start + y * stride
            for x in 0..<width {
                let pixel = source + x * layout.size
                row[3 * x] = pixel[layout.red]
                row[3 * x + 1] = pixel[layout.green]
                row[3 * x + 2] = pixel[layout.blue]
            }
        }
    }

    /// One byte a pixel, and a table of 256 32-bit colours (alpha, red, green, blue from the top bits down).
    fileprivate borrowing func palettePixels() -> [UInt8]? {
        guard let (start, stride) = plane(0), let table = plane(1)?.start else { return nil }
        let width = width
        return table.withMemoryRebound(to: UInt32.self, capacity: 256) { colours in
            rows { y, row in
                for x in 0..<width {
                    let colour = colours[Int(start[y * stride + x])]
                    row[3 * x] = UInt8(truncatingIfNeeded: colour >> 16)
                    row[3 * x + 1] = UInt8(truncatingIfNeeded: colour >> 8)
                    row[3 * x + 2] = UInt8(truncatingIfNeeded: colour)
                }
            }
        }
    }

    /// One bit a pixel, 1 is white, the leftmost in a byte's top bit.
    fileprivate borrowing func bitPixels() -> [UInt8]? {
        guard let (start, stride) = plane(0) else { return nil }
        let width = width
        return rows { y, row in
            for x in 0..<width {
                let isWhite = start[y * stride + x / 8] >> UInt8(7 - x % 8) & 1 == 1
                (row + 3 * x).update(repeating: isWhite ? 255 : 0, count: 3)
            }
        }
    }

    /// A plane for each colour: green, blue, red.
    fileprivate borrowing func planarPixels() -> [UInt8]? {
        guard let green = plane(0), let blue = plane(1), let red = plane(2) else { return nil }
        let width = width
        return rows { y, row in
            for x in 0..<width {
                row[3 * x] = red.start[y * red.stride + x]
                row[3 * x + 1] = green.start[y * green.stride + x]
                row[3 * x + 2] = blue.start[y * blue.stride + x]
            }
        }
    }
}
