import CFFmpeg

/// One stream of a file that is being written: its encoder, and where its packets go.
struct EncodedStream: ~Copyable {
    let encoder: CodecContext
    private let stream: Muxer.Stream
    private let format: VideoFormat

    /// Adds a stream to a file, before that is begun.
    ///
    /// - Parameters:
    ///   - encoder: open
    ///   - muxer: the file
    ///   - format: the file's, for errors
    ///   - rate: frames a second, where the stream has frames
    /// - Throws: `.outOfMemory`
    init(
        _ encoder: consuming CodecContext, in muxer: borrowing Muxer, of format: VideoFormat, rate: FrameRate? = nil
    ) throws(MediaError) {
        stream = try muxer.addStream(encoder, rate: rate)
        self.encoder = encoder
        self.format = format
    }

    /// Sends a frame, or nil at the end, and writes what the encoder gives back.
    ///
    /// - Parameters:
    ///   - frame: pixels or samples, with their time
    ///   - muxer: the file
    ///   - path: for the error
    /// - Throws: `.cannotEncodeVideo`, `.cannotWrite`
    func encode(
        _ frame: UnsafeMutablePointer<AVFrame>?, into muxer: borrowing Muxer, path: String
    ) throws(MediaError) {
        let packet = try Packet()
        var code = avcodec_send_frame(encoder.pointer, frame)
        while code >= 0 {
            code = avcodec_receive_packet(encoder.pointer, packet.pointer)
            if code == FFmpeg.tryAgain || code == FFmpeg.endOfFile { return }
            if code < 0 { break }
            if packet.pointer.pointee.duration == 0 { packet.pointer.pointee.duration = 1 }
            try muxer.write(packet, to: stream, path: path)
        }
        throw .cannotEncodeVideo(format, reason: FFmpeg.reason(code))
    }
}
