internal import CJPEG
internal import Glibc

extension Image {
    /// Decodes a JPEG as PIL does, with libjpeg-turbo.
    ///
    /// - Parameters:
    ///   - bytes: a whole file
    ///   - components: how many colours each pixel has
    ///   - width: as its header gives it
    ///   - height: as its header gives it
    /// - Throws: `.damaged`, `.unsupported`, `.cannotDecode`
    init(jpeg bytes: [UInt8], components: Int, width: Int, height: Int) throws(MediaError) {
        var (outcome, message) = (CJPEG_FAILED, [CChar](repeating: 0, count: CJPEG_MESSAGE_SIZE))
        let pixels = [UInt8](unsafeUninitializedCapacity: 3 * width * height) { buffer, count in
            outcome = cjpeg_decode(
                bytes, bytes.count, UInt32(width), UInt32(height), Int32(components), Int32(JPEGFile.scanLimit),
                buffer.baseAddress, &message)
            count = outcome == CJPEG_DONE ? buffer.count : 0
        }
        switch outcome {
        case CJPEG_DONE: try self.init(width: width, height: height, pixels: pixels)
        case CJPEG_TRUNCATED: throw .damaged(.jpeg, "it ends early")
        case CJPEG_OTHER_SIZE: throw .damaged(.jpeg, "it gives two different sizes")
        case CJPEG_TOO_MANY_SCANS:
            throw .unsupported(.jpeg, "it has more than \(JPEGFile.scanLimit) scans")
        default: throw .cannotDecode(.jpeg, reason: String(jpegMessage: message))
        }
    }

    /// The image as a JPEG.
    ///
    /// - Parameters:
    ///   - quality: 1 to 100
    ///   - sharesColour: whether each 2×2 pixels share a colour, their mean
    /// - Returns: a whole file
    /// - Throws: `.cannotEncode`
    func jpeg(quality: Int, sharesColour: Bool) throws(MediaError) -> [UInt8] {
        var (size, message) = (0, [CChar](repeating: 0, count: CJPEG_MESSAGE_SIZE))
        let file = cjpeg_encode(
            pixels, UInt32(clamping: width), UInt32(clamping: height), Int32(quality), sharesColour ? 1 : 0, &size,
            &message)
        guard let file else { throw .cannotEncode(.jpeg, reason: String(jpegMessage: message)) }
        defer { free(file) }
        return Array(UnsafeBufferPointer(start: file, count: size))
    }
}

extension String {
    /// libjpeg's words, up to the 0 at their end.
    fileprivate init(jpegMessage: [CChar]) {
        self = String(decoding: jpegMessage.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        if isEmpty { self = "there is no memory left" }
    }
}
