import CFFmpeg

extension Image {
    /// The image as one frame of an H.264 video shows it: compressed by x264 and decoded again.
    ///
    /// One thread does it, so that the same image always comes out. An odd last row or column is left out.
    ///
    /// - Parameter crf: how strongly it is compressed, from 0 to 51
    /// - Returns: an image of even sides
    /// - Throws: `.missingCodec`, `.cannotEncodeVideo` or `.outOfMemory`
    package func compressedByH264(crf: Int) throws(MediaError) -> Image {
        let (width, height) = (self.width / 2 * 2, self.height / 2 * 2)
        guard width > 0, height > 0 else { throw .emptyImage(width: width, height: height) }
        let encoder = try CodecContext(encoder: "libx264")
        let settings = encoder.pointer
        (settings.pointee.width, settings.pointee.height) = (Int32(clamping: width), Int32(clamping: height))
        settings.pointee.time_base = AVRational(num: 1, den: 1)
        settings.pointee.framerate = AVRational(num: 1, den: 1)
        settings.pointee.pix_fmt = AV_PIX_FMT_YUV420P
        settings.pointee.thread_count = 1
        for (option, value) in ["crf": "\(crf)", "preset": "veryfast"] where !encoder.setOption(option, value) {
            throw .cannotEncodeVideo(.mp4, reason: "the encoder does not take \(option)=\(value)")
        }
        if let reason = encoder.open() { throw .cannotEncodeVideo(.mp4, reason: reason) }
        let rgb = try packedFrame(AV_PIX_FMT_RGB24)
        (rgb.pointer.pointee.width, rgb.pointer.pointee.height) = (settings.pointee.width, settings.pointee.height)
        let frame = try rgb.converted(to: AV_PIX_FMT_YUV420P)
        frame.pointer.pointee.pts = 0
        let packet = try Packet()
        var code = avcodec_send_frame(settings, frame.pointer)
        if code >= 0 { code = avcodec_send_frame(settings, nil) }
        if code >= 0 { code = avcodec_receive_packet(settings, packet.pointer) }
        guard code >= 0 else { throw .cannotEncodeVideo(.mp4, reason: FFmpeg.reason(code)) }
        return try Image(decodingH264: packet)
    }

    /// The first frame of a stream that carries its own headers.
    private init(decodingH264 packet: borrowing Packet) throws(MediaError) {
        let decoder = try CodecContext(decoder: AV_CODEC_ID_H264)
        decoder.pointer.pointee.thread_count = 1
        if let reason = decoder.open() { throw .cannotEncodeVideo(.mp4, reason: reason) }
        let frame = try Frame()
        var code = avcodec_send_packet(decoder.pointer, packet.pointer)
        if code >= 0 { code = avcodec_send_packet(decoder.pointer, nil) }
        if code >= 0 { code = avcodec_receive_frame(decoder.pointer, frame.pointer) }
        guard code >= 0 else { throw .cannotEncodeVideo(.mp4, reason: FFmpeg.reason(code)) }
        let rgb = try frame.converted(to: AV_PIX_FMT_RGB24)
        guard let (start, stride) = rgb.plane(0) else { throw .outOfMemory }
        let width = rgb.width
        let pixels = rgb.rows { y, row in row.update(from: start + y * stride, count: 3 * width) }
        try self.init(width: width, height: rgb.height, pixels: pixels)
    }
}

extension Frame {
    /// The frame in another form, by the matrix that frames have which name none (BT.601), luma from 16 to 235.
    fileprivate borrowing func converted(to format: AVPixelFormat) throws(MediaError) -> Frame {
        let result = try Frame(width: width, height: height, format: format)
        let (own, other) = (pointer, result.pointer)
        guard
            let context = sws_getContext(
                own.pointee.width, own.pointee.height, self.format, other.pointee.width, other.pointee.height, format,
                SWS_BILINEAR, nil, nil, nil)
        else { throw .outOfMemory }
        defer { sws_freeContext(context) }
        guard sws_scale_frame(context, other, own) >= 0 else { throw .outOfMemory }
        return result
    }
}
