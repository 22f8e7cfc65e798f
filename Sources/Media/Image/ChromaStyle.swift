/// How luma and chroma become RGB: as the two libraries do it that everybody compares with, rounding included.
// Source: libjpeg-turbo, jdsample.c and jdcolor.c; libwebp, src/dsp/upsampling.c and src/dsp/yuv.h.
enum ChromaStyle {
    /// libjpeg's; luma and chroma use all 256 values.
    case jpeg
    /// libwebp's; luma uses 16 to 235, chroma 16 to 240.
    case webp

    /// Doubles a row of chroma in width, and moves it towards its neighbour by a quarter.
    ///
    /// - Parameters:
    ///   - near: the row in which the pixels lie
    ///   - far: the next row, above for the upper of two rows of pixels, below for the lower
    ///   - width: of the rows
    ///   - result: where the row goes, `2 * width` long
    func doubleBoth(
        _ near: UnsafePointer<UInt8>, _ far: UnsafePointer<UInt8>, width: Int, into result: UnsafeMutablePointer<UInt8>
    ) {
        for x in 0..<width {
            let (own, ownFar) = (Int(near[x]), Int(far[x]))
            let (left, right) = (max(x - 1, 0), min(x + 1, width - 1))
            switch self {
            case .jpeg:
                let sum = 3 * (3 * own + ownFar)
                result[2 * x] = UInt8((sum + 3 * Int(near[left]) + Int(far[left]) + 8) >> 4)
                result[2 * x + 1] = UInt8((sum + 3 * Int(near[right]) + Int(far[right]) + 7) >> 4)
            case .webp:
                let sum = own + 3 * ownFar + 8
                result[2 * x] = UInt8(((sum + 3 * Int(near[left]) + Int(far[left])) >> 3 + own) >> 1)
                result[2 * x + 1] = UInt8(((sum + 3 * Int(near[right]) + Int(far[right])) >> 3 + own) >> 1)
            }
        }
    }

    /// Doubles a row of chroma in width.
    static func doubleWidth(_ row: UnsafePointer<UInt8>, width: Int, into result: UnsafeMutablePointer<UInt8>) {
        for x in 0..<width {
            result[2 * x] = x == 0 ? row[0] : UInt8((3 * Int(row[x]) + Int(row[x - 1]) + 1) >> 2)
            result[2 * x + 1] = x == width - 1 ? row[x] : UInt8((3 * Int(row[x]) + Int(row[x + 1]) + 2) >> 2)
        }
    }

    /// Moves a row of chroma towards its neighbour by a quarter, where only the height is to be doubled.
    ///
    /// - Parameters:
    ///   - near: the row in which the pixels lie
    ///   - far: the next row, above for the upper of two rows of pixels, below for the lower
    ///   - width: of the rows
    ///   - isUpper: which of the two rows is made; they round differently
    ///   - result: where the row goes, `width` long
    static func doubleHeight(
        _ near: UnsafePointer<UInt8>, _ far: UnsafePointer<UInt8>, width: Int, isUpper: Bool,
        into result: UnsafeMutablePointer<UInt8>
    ) {
        for x in 0..<width { result[x] = UInt8((3 * Int(near[x]) + Int(far[x]) + (isUpper ? 1 : 2)) >> 2) }
    }

    /// One pixel.
    @inline(__always)
    func rgb(_ luma: UInt8, _ cb: UInt8, _ cr: UInt8) -> (UInt8, UInt8, UInt8) {
        switch self {
        case .jpeg:
            let (luma, cb, cr) = (Int(luma), Int(cb) - 128, Int(cr) - 128)
            return (
                UInt8(clamping: luma + (91881 * cr + 32768) >> 16),
                UInt8(clamping: luma + (-22554 * cb - 46802 * cr + 32768) >> 16),
                UInt8(clamping: luma + (116130 * cb + 32768) >> 16)
            )
        case .webp:
            let (bright, cb, cr) = ((Int(luma) * 19077) >> 8, Int(cb), Int(cr))
            return (
                UInt8(clamping: (bright + (cr * 26149) >> 8 - 14234) >> 6),
                UInt8(clamping: (bright - (cb * 6419) >> 8 - (cr * 13320) >> 8 + 8708) >> 6),
                UInt8(clamping: (bright + (cb * 33050) >> 8 - 17685) >> 6)
            )
        }
    }
}
