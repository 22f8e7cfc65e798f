import CFFmpeg

/// Turns decoded frames of any kind into RGB, by the matrix and range that they name.
final class PixelConverter {
    private var context: OpaquePointer?

    deinit { sws_freeContext(context) }

    /// - Parameter frame: a decoded frame
    /// - Returns: the image; transparency is dropped
    /// - Throws: `.outOfMemory`, also for a kind of pixels that cannot be converted
    func image(of frame: borrowing Frame) throws(MediaError) -> Image {
        let source = frame.pointer
        let (width, height) = (frame.width, frame.height)
        let flags = SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP
        context = sws_getCachedContext(
            context, source.pointee.width, source.pointee.height, frame.format, source.pointee.width,
            source.pointee.height, AV_PIX_FMT_RGB24, flags, nil, nil, nil)
        guard let context else { throw .outOfMemory }
        let matrix = sws_getCoefficients(Int32(bitPattern: source.pointee.colorspace.rawValue))
        let isFull: Int32 = source.pointee.color_range == AVCOL_RANGE_JPEG ? 1 : 0
        sws_setColorspaceDetails(context, matrix, isFull, matrix, 1, 0, 1 << 16, 1 << 16)
        let result = try Frame(width: width, height: height, format: AV_PIX_FMT_RGB24)
        guard sws_scale_frame(context, result.pointer, source) >= 0, let (start, stride) = result.plane(0) else {
            throw .outOfMemory
        }
        let pixels = result.rows { y, row in row.update(from: start + y * stride, count: 3 * width) }
        return try Image(width: width, height: height, pixels: pixels)
    }
}
