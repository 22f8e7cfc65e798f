import CFFmpeg

extension Frame {
    /// The RGB pixels of planes of luma (16 to 235) and chroma (16 to 240) of half the width and height, rounded as
    /// libwebp rounds; nil where the frame holds something else.
    // Source: libwebp, src/dsp/upsampling.c and src/dsp/yuv.h.
    borrowing func lumaAndChromaPixels() -> [UInt8]? {
        guard format == AV_PIX_FMT_YUV420P || format == AV_PIX_FMT_YUVA420P, let luma = plane(0), let cb = plane(1),
            let cr = plane(2)
        else { return nil }
        let (width, chromaWidth, chromaHeight) = (width, (width + 1) / 2, (height + 1) / 2)
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 4 * chromaWidth) { buffer in
            guard let cbRow = buffer.baseAddress else { return nil }
            let crRow = cbRow + 2 * chromaWidth
            return rows { y, row in
                let near = y / 2
                let far = min(max(near + (y.isMultiple(of: 2) ? -1 : 1), 0), chromaHeight - 1)
                for (plane, target) in [(cb, cbRow), (cr, crRow)] {
                    let start = plane.start
                    Self.doubled(
                        start + near * plane.stride, start + far * plane.stride, width: chromaWidth, into: target)
                }
                let lumaRow = luma.start + y * luma.stride
                for x in 0..<width {
                    (row[3 * x], row[3 * x + 1], row[3 * x + 2]) = Self.rgb(lumaRow[x], cbRow[x], crRow[x])
                }
            }
        }
    }

    /// Doubles a row of chroma in width, and moves it towards its neighbour by a quarter.
    ///
    /// - Parameters:
    ///   - near: the row in which the pixels lie
    ///   - far: the next row, above for the upper of two rows of pixels, below for the lower
    ///   - width: of the rows
    ///   - result: where the row goes, `2 * width` long
    private static func doubled(
        _ near: UnsafePointer<UInt8>, _ far: UnsafePointer<UInt8>, width: Int, into result: UnsafeMutablePointer<UInt8>
    ) {
        for x in 0..<width {
            let (own, ownFar) = (Int(near[x]), Int(far[x]))
            let (left, right) = (max(x - 1, 0), min(x + 1, width - 1))
            let sum = own + 3 * ownFar + 8
            result[2 * x] = UInt8(((sum + 3 * Int(near[left]) + Int(far[left])) >> 3 + own) >> 1)
            result[2 * x + 1] = UInt8(((sum + 3 * Int(near[right]) + Int(far[right])) >> 3 + own) >> 1)
        }
    }

    /// One pixel.
    @inline(__always)
    private static func rgb(_ luma: UInt8, _ cb: UInt8, _ cr: UInt8) -> (UInt8, UInt8, UInt8) {
        let (bright, cb, cr) = ((Int(luma) * 19077) >> 8, Int(cb), Int(cr))
        return (
            UInt8(clamping: (bright + (cr * 26149) >> 8 - 14234) >> 6),
            UInt8(clamping: (bright - (cb * 6419) >> 8 - (cr * 13320) >> 8 + 8708) >> 6),
            UInt8(clamping: (bright + (cb * 33050) >> 8 - 17685) >> 6)
        )
    }
}
