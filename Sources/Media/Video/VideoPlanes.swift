import CFFmpeg

extension Image {
    /// The image as planes of luma (16 to 235) and chroma (16 to 240) in BT.709, four pixels sharing a colour.
    ///
    /// A colour lies where H.264 and VP9 expect it: between two rows, on the left of two columns. It is the mean of the
    /// pixels around with the weights 1, 2, 1 in each row.
    ///
    /// - Parameters:
    ///   - width: of the frame, at least the image's; the last column is repeated
    ///   - height: of the frame, at least the image's; the last row is repeated
    /// - Returns: a frame in `yuv420p`
    /// - Throws: `.outOfMemory`
    // Source: ITU-R BT.709-6, items 3.2 to 3.5 and 4.6.
    func limitedFrame(width: Int, height: Int) throws(MediaError) -> Frame {
        let frame = try Frame(width: width, height: height, format: AV_PIX_FMT_YUV420P)
        guard let luma = frame.plane(0), let cb = frame.plane(1), let cr = frame.plane(2) else { throw .outOfMemory }
        frame.pointer.pointee.color_range = AVCOL_RANGE_MPEG
        frame.pointer.pointee.colorspace = AVCOL_SPC_BT709
        frame.pointer.pointee.color_primaries = AVCOL_PRI_BT709
        frame.pointer.pointee.color_trc = AVCOL_TRC_BT709
        frame.pointer.pointee.chroma_location = AVCHROMA_LOC_LEFT
        pixels.withUnsafeBufferPointer { pixels in
            guard let first = pixels.baseAddress else { return }
            func row(_ y: Int) -> UnsafePointer<UInt8> { first + 3 * self.width * min(y, self.height - 1) }
            for y in 0..<height { writeLuma(row(y), into: luma.start + y * luma.stride, width) }
            for y in 0..<(height + 1) / 2 {
                writeChroma(
                    row(2 * y), row(2 * y + 1), cb: cb.start + y * cb.stride, cr: cr.start + y * cr.stride,
                    (width + 1) / 2)
            }
        }
        return frame
    }

    private func writeLuma(_ row: UnsafePointer<UInt8>, into result: UnsafeMutablePointer<UInt8>, _ count: Int) {
        for x in 0..<count {
            let pixel = row + 3 * min(x, width - 1)
            let sum = 11966 * Int(pixel[0]) + 40254 * Int(pixel[1]) + 4064 * Int(pixel[2])
            result[x] = UInt8(truncatingIfNeeded: (sum + 16 << 16 + 1 << 15) >> 16)
        }
    }

    private func writeChroma(
        _ upper: UnsafePointer<UInt8>, _ lower: UnsafePointer<UInt8>, cb: UnsafeMutablePointer<UInt8>,
        cr: UnsafeMutablePointer<UInt8>, _ count: Int
    ) {
        for x in 0..<count {
            let middle = 3 * min(2 * x, width - 1)
            let (left, right) = (max(middle - 3, 0), 3 * min(2 * x + 1, width - 1))
            /// Eight times the mean of one colour.
            func sum(_ colour: Int) -> Int {
                let twice = Int(upper[middle + colour]) + Int(lower[middle + colour])
                let once = Int(upper[left + colour]) + Int(lower[left + colour])
                return 2 * twice + once + Int(upper[right + colour]) + Int(lower[right + colour])
            }
            let (red, green, blue) = (sum(0), sum(1), sum(2))
            let half = 128 << 19 + 1 << 18
            cb[x] = UInt8(truncatingIfNeeded: (-6596 * red - 22188 * green + 28784 * blue + half) >> 19)
            cr[x] = UInt8(truncatingIfNeeded: (28784 * red - 26145 * green - 2639 * blue + half) >> 19)
        }
    }
}
