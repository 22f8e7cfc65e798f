import CFFmpeg

/// A file of one frame, with nothing but what its pixels need, for FFmpeg to decode.
struct FramePixels: CodedPixels {
    /// The file.
    let bytes: [UInt8]
    /// A WebP or a GIF.
    let format: DecodableFormat

    func decoded() throws(MediaError) -> Image { try Image(frame(), of: format) }

    private func frame() throws(MediaError) -> Frame {
        let decoder = try CodecContext(decoder: format == .gif ? AV_CODEC_ID_GIF : AV_CODEC_ID_WEBP)
        let context = decoder.pointer
        context.pointee.max_pixels = Int64(Image.pixelLimit)
        context.pointee.thread_count = 1
        context.pointee.err_recognition = AV_EF_EXPLODE | AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER
        if let reason = decoder.open() { throw .cannotDecode(format, reason: reason) }
        let packet = try Packet(bytes)
        let frame = try Frame()
        var code = avcodec_send_packet(context, packet.pointer)
        if code >= 0 { code = avcodec_send_packet(context, nil) }
        if code >= 0 { code = avcodec_receive_frame(context, frame.pointer) }
        guard code >= 0 else { throw .cannotDecode(format, reason: FFmpeg.reason(code)) }
        guard frame.pointer.pointee.decode_error_flags == 0, frame.pointer.pointee.flags & AV_FRAME_FLAG_CORRUPT == 0
        else { throw .damaged(format, "its pixels do not decode") }
        return frame
    }
}
