import CFFmpeg

/// Reads a video's frames one after the other.
///
/// Any container and codec of FFmpeg's will do; sound is passed over. Animated WebP are beyond FFmpeg 5.1.
package final class VideoReader {
    /// Of each frame, in pixels.
    package let width, height: Int
    /// Frames a second as the file gives them, or nil where it does not.
    package let rate: FrameRate?
    /// In seconds, or nil where the file does not tell.
    package let duration: Double?
    /// The file's comment, or an empty text.
    package let comment: String
    /// FFmpeg's names of the codec and of how pixels are stored, such as `h264` and `yuv420p`.
    package let codec, pixelFormat: String

    private let path: String
    private let input: VideoInput
    private let decoder: CodecContext
    private let converter: PixelConverter
    private var isAtEnd = false

    /// Opens a video.
    ///
    /// - Parameter path: the file
    /// - Throws: `.cannotDecodeVideo`, `.imageTooLarge`
    package init(path: String) throws(MediaError) {
        let input = try VideoInput(path)
        let parameters = input.parameters
        (width, height) = (Int(parameters.pointee.width), Int(parameters.pointee.height))
        try Image.checkSize(width: width, height: height)
        let decoder = try CodecContext(decoder: parameters.pointee.codec_id)
        guard avcodec_parameters_to_context(decoder.pointer, parameters) >= 0 else { throw .outOfMemory }
        decoder.pointer.pointee.max_pixels = Int64(Image.pixelLimit)
        decoder.pointer.pointee.thread_count = 0
        if let reason = decoder.open() { throw .cannotDecodeVideo(path: path, reason: reason) }
        codec = String(cString: avcodec_get_name(parameters.pointee.codec_id))
        pixelFormat =
            av_get_pix_fmt_name(AVPixelFormat(rawValue: parameters.pointee.format)).map { String(cString: $0) } ?? ""
        (rate, duration, comment) = (input.rate, input.duration, try input.comment(limit: PNGText.readingLimit))
        (self.path, converter) = (path, PixelConverter())
        self.input = input
        self.decoder = decoder
    }

    /// Decodes the next frame.
    ///
    /// - Returns: the frame, or nil after the last
    /// - Throws: `.cannotDecodeVideo`, `.outOfMemory`
    package func next() throws(MediaError) -> Image? {
        let frame = try Frame()
        while true {
            let code = avcodec_receive_frame(decoder.pointer, frame.pointer)
            if code >= 0 {
                guard (frame.width, frame.height) == (width, height) else {
                    throw .cannotDecodeVideo(path: path, reason: "its frames differ in size")
                }
                return try converter.image(of: frame)
            }
            if code == FFmpeg.endOfFile { return nil }
            guard code == FFmpeg.tryAgain, !isAtEnd else { throw failure(code) }
            try sendPacket()
        }
    }

    /// Gives the decoder the next packet of the video, or tells it that there is none.
    private func sendPacket() throws(MediaError) {
        let packet = try Packet()
        isAtEnd = try !input.read(into: packet)
        let code = avcodec_send_packet(decoder.pointer, isAtEnd ? nil : packet.pointer)
        if code < 0 { throw failure(code) }
    }

    private func failure(_ code: Int32) -> MediaError {
        .cannotDecodeVideo(path: path, reason: FFmpeg.reason(code))
    }
}
