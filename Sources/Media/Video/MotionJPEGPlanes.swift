import CFFmpeg

extension Image {
    /// The image as planes of luma and chroma, 8 bits of full range each; each 2×2 pixels share a colour, their mean.
    ///
    /// - Returns: a frame in `yuvj420p`
    /// - Throws: `.outOfMemory`
    // Source: libjpeg-turbo, jccolor.c, `rgb_ycc_convert`, and jcsample.c, `h2v2_downsample`.
    func motionJPEGFrame() throws(MediaError) -> Frame {
        let frame = try Frame(width: width, height: height, format: AV_PIX_FMT_YUVJ420P)
        guard let luma = frame.plane(0), let cb = frame.plane(1), let cr = frame.plane(2) else { throw .outOfMemory }
        pixels.withUnsafeBufferPointer { pixels in
            for y in 0..<height {
                for x in 0..<width {
                    let pixel = 3 * (y * width + x)
                    let (red, green, blue) = (Int(pixels[pixel]), Int(pixels[pixel + 1]), Int(pixels[pixel + 2]))
                    luma.start[y * luma.stride + x] = UInt8((19595 * red + 38470 * green + 7471 * blue + 32768) >> 16)
                }
            }
            writeColour(pixels, cb, cr)
        }
        return frame
    }

    private typealias Plane = (start: UnsafeMutablePointer<UInt8>, stride: Int)

    private func writeColour(_ pixels: UnsafeBufferPointer<UInt8>, _ cb: Plane, _ cr: Plane) {
        for y in 0..<(height + 1) / 2 {
            let rows = [2 * y, min(2 * y + 1, height - 1)]
            for x in 0..<(width + 1) / 2 {
                var (sumOfCb, sumOfCr) = (0, 0)
                for row in rows {
                    for column in [2 * x, min(2 * x + 1, width - 1)] {
                        let pixel = 3 * (row * width + column)
                        let (red, green, blue) = (Int(pixels[pixel]), Int(pixels[pixel + 1]), Int(pixels[pixel + 2]))
                        sumOfCb += Int(Self.cb(red, green, blue))
                        sumOfCr += Int(Self.cr(red, green, blue))
                    }
                }
                // Rounds down and up in turn, so that the mean of many is kept.
                let rounding = x.isMultiple(of: 2) ? 1 : 2
                cb.start[y * cb.stride + x] = UInt8((sumOfCb + rounding) >> 2)
                cr.start[y * cr.stride + x] = UInt8((sumOfCr + rounding) >> 2)
            }
        }
    }

    private static func cb(_ red: Int, _ green: Int, _ blue: Int) -> UInt8 {
        UInt8((-11059 * red - 21709 * green + 32768 * blue + 128 << 16 + 32767) >> 16)
    }

    private static func cr(_ red: Int, _ green: Int, _ blue: Int) -> UInt8 {
        UInt8((32768 * red - 27439 * green - 5329 * blue + 128 << 16 + 32767) >> 16)
    }
}
