import CFFmpeg

/// Converts between pixel formats at the same size, with the rounding and the filters that favour exactness over speed.
struct Scaler: ~Copyable {
    private let context: OpaquePointer

    /// - Throws: `.outOfMemory`, as the library tells nothing more
    init(
        width: Int, height: Int, from source: AVPixelFormat, to target: AVPixelFormat, isFullRange: Bool
    ) throws(MediaError) {
        let flags = SWS_BILINEAR | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP | SWS_BITEXACT
        context = try Self.allocate(width, height, source, target, flags)
        let coefficients = sws_getCoefficients(SWS_CS_ITU601)
        let range: Int32 = isFullRange ? 1 : 0
        sws_setColorspaceDetails(context, coefficients, range, coefficients, range, 0, 1 << 16, 1 << 16)
    }

    deinit { sws_freeContext(context) }

    private static func allocate(
        _ width: Int, _ height: Int, _ source: AVPixelFormat, _ target: AVPixelFormat, _ flags: Int32
    ) throws(MediaError) -> OpaquePointer {
        guard FFmpeg.isSilent,
            let context = sws_getContext(
                Int32(width), Int32(height), source, Int32(width), Int32(height), target, flags, nil, nil, nil)
        else { throw .outOfMemory }
        return context
    }

    /// Fills one frame from another of the same size.
    ///
    /// - Returns: FFmpeg's reason if it refuses
    func convert(_ source: borrowing Frame, into target: borrowing Frame) -> String? {
        let code = sws_scale_frame(context, target.pointer, source.pointer)
        return code < 0 ? FFmpeg.reason(code) : nil
    }
}
