import CFFmpeg
internal import Files

/// A container file with one encoded stream of frames.
final class VideoFile: VideoSink {
    private let encoding: VideoEncoding
    private let width, height: Int
    private let encoder: CodecContext
    private let muxer: Muxer
    private let stream: Muxer.Stream
    private var file: AtomicFile?
    private let path: String

    /// - Parameters:
    ///   - path: the file
    ///   - width: of the frames in the file, in pixels
    ///   - height: of the frames in the file, in pixels
    ///   - rate: frames a second
    ///   - encoding: any but `.images`
    ///   - texts: become the comment
    init(
        _ path: String, width: Int, height: Int, rate: FrameRate, encoding: VideoEncoding, texts: [PNGText]
    ) throws(MediaError) {
        let file = try Self.create(path)
        let muxer = try Muxer(path: file.temporaryPath, container: encoding.format.container, of: encoding.format)
        let encoder = try CodecContext(encoder: encoding.format.encoder)
        try encoder.prepare(encoding, width: width, height: height, rate: rate, needsHeader: muxer.needsGlobalHeaders)
        stream = try muxer.addStream(encoder, rate: rate)
        let comment = texts.map { "\($0.keyword): \($0.text)" }.joined(separator: "\n")
        let options = encoding.format == .mp4 ? ["movflags": "faststart"] : ["loop": "0"]
        try muxer.begin(comment: comment, options: options, path: path)
        (self.path, self.encoding, self.width, self.height) = (path, encoding, width, height)
        self.encoder = encoder
        self.muxer = muxer
        self.file = consume file
    }

    func append(_ frame: Image, number: Int) throws(MediaError) {
        let frame = try frame.frame(for: encoding, width: width, height: height)
        frame.pointer.pointee.pts = Int64(number)
        frame.pointer.pointee.quality = encoder.pointer.pointee.global_quality
        try encode(frame.pointer)
    }

    func finish() throws(MediaError) {
        try encode(nil)
        try muxer.finish(path: path)
        guard let file = file.take() else { throw .videoIsClosed }
        do {
            try file.commit()
        } catch {
            throw .cannotWrite(path: error.path, reason: error.fault.reason)
        }
    }

    /// Sends a frame, or nil at the end, and writes what the encoder gives back.
    private func encode(_ frame: UnsafeMutablePointer<AVFrame>?) throws(MediaError) {
        let packet = try Packet()
        var code = avcodec_send_frame(encoder.pointer, frame)
        while code >= 0 {
            code = avcodec_receive_packet(encoder.pointer, packet.pointer)
            if code == FFmpeg.tryAgain || code == FFmpeg.endOfFile { return }
            if code < 0 { break }
            if packet.pointer.pointee.duration == 0 { packet.pointer.pointee.duration = 1 }
            try muxer.write(packet, to: stream, path: path)
        }
        throw .cannotEncodeVideo(encoding.format, reason: FFmpeg.reason(code))
    }

    private static func create(_ path: String) throws(MediaError) -> AtomicFile {
        do {
            return try AtomicFile(replacing: path)
        } catch {
            throw .cannotWrite(path: error.path, reason: error.fault.reason)
        }
    }
}
