import CFFmpeg

extension Image {
    /// The image in 256 colours of its own.
    ///
    /// Where the colours are too few, pixels are mixed from them in a fixed pattern of 8×8, which stays where it is from
    /// frame to frame; an image that has no more colours than fit keeps them.
    ///
    /// - Returns: a frame in `pal8`
    /// - Throws: `.outOfMemory`
    func paletteFrame() throws(MediaError) -> Frame {
        let frame = try Frame(width: width, height: height, format: AV_PIX_FMT_PAL8)
        guard let (start, stride) = frame.plane(0), let table = frame.plane(1)?.start else { throw .outOfMemory }
        let palette = Palette(of: self, limit: 256)
        table.withMemoryRebound(to: UInt32.self, capacity: 256) { entries in
            for index in 0..<256 {
                // The last colour fills the table up: a missing one would be black, or transparent.
                let colour = palette.colours[min(index, palette.colours.count - 1)].rounded(.toNearestOrEven)
                entries[index] = 0xFF << 24 | UInt32(colour.x) << 16 | UInt32(colour.y) << 8 | UInt32(colour.z)
            }
        }
        var known = [Int16](repeating: -1, count: ColourHistogram.binCount)
        for y in 0..<height {
            for x in 0..<width {
                let offset = Int((palette.error * 2 * Self.threshold(x, y)).rounded())
                let pixel = self[x, y]
                let red = min(max(Int(pixel.red) + offset, 0), 255)
                let green = min(max(Int(pixel.green) + offset, 0), 255)
                let blue = min(max(Int(pixel.blue) + offset, 0), 255)
                let bin = ColourHistogram.index(red, green, blue)
                if known[bin] < 0 {
                    known[bin] = Int16(palette.nearest(SIMD3(Float(red), Float(green), Float(blue))))
                }
                start[y * stride + x] = UInt8(truncatingIfNeeded: known[bin])
            }
        }
        return frame
    }

    /// Bayer's pattern, from -0.5 up to but without 0.5.
    private static func threshold(_ x: Int, _ y: Int) -> Float {
        var value = 0
        for bit in 0..<3 {
            let (column, row) = (x >> bit & 1, y >> bit & 1)
            value = value << 2 | (column ^ row) << 1 | row
        }
        return Float(value) / 64 - 0.4921875
    }
}
