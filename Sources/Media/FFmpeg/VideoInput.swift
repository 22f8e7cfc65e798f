import CFFmpeg
internal import Glibc

/// A file of FFmpeg's that is being read, of which one stream of frames matters.
struct VideoInput: ~Copyable {
    private let context: UnsafeMutablePointer<AVFormatContext>
    private let stream: UnsafeMutablePointer<AVStream>
    private let path: String

    /// - Parameter path: the file
    /// - Throws: `.cannotDecodeVideo`
    init(_ path: String) throws(MediaError) {
        var opened: UnsafeMutablePointer<AVFormatContext>?
        guard FFmpeg.isSilent else { throw .outOfMemory }
        // With the prefix no name is taken for an address in a network.
        let code = avformat_open_input(&opened, "file:\(path)", nil, nil)
        guard code >= 0, let opened else { throw .cannotDecodeVideo(path: path, reason: FFmpeg.reason(code)) }
        do throws(MediaError) {
            stream = try Self.frames(in: opened, path)
        } catch {
            var closed: UnsafeMutablePointer<AVFormatContext>? = opened
            avformat_close_input(&closed)
            throw error
        }
        (context, self.path) = (opened, path)
    }

    deinit {
        var closed: UnsafeMutablePointer<AVFormatContext>? = context
        avformat_close_input(&closed)
    }

    var parameters: UnsafeMutablePointer<AVCodecParameters> { stream.pointee.codecpar }
    var rate: FrameRate? { FrameRate(stream.pointee.avg_frame_rate) ?? FrameRate(stream.pointee.r_frame_rate) }
    /// In seconds.
    var duration: Double? {
        context.pointee.duration > 0 ? Double(context.pointee.duration) / Double(AV_TIME_BASE) : nil
    }
    /// The comment, or an empty text.
    ///
    /// - Parameter limit: the most bytes that are read
    /// - Throws: `.cannotDecodeVideo` where it is longer
    func comment(limit: Int) throws(MediaError) -> String {
        guard let value = av_dict_get(context.pointee.metadata, "comment", nil, 0)?.pointee.value else { return "" }
        guard strnlen(value, limit + 1) <= limit else {
            let reason = "its comment has more than \(limit) bytes, which is the most that is read"
            throw .cannotDecodeVideo(path: path, reason: reason)
        }
        return String(cString: value)
    }

    /// Reads the stream's next packet.
    ///
    /// - Parameter packet: where it goes
    /// - Returns: false at the end of the file
    /// - Throws: `.cannotDecodeVideo`
    func read(into packet: borrowing Packet) throws(MediaError) -> Bool {
        while true {
            let code = av_read_frame(context, packet.pointer)
            if code == FFmpeg.endOfFile { return false }
            guard code >= 0 else { throw .cannotDecodeVideo(path: path, reason: FFmpeg.reason(code)) }
            if packet.pointer.pointee.stream_index == stream.pointee.index { return true }
            av_packet_unref(packet.pointer)
        }
    }

    private static func frames(
        in context: UnsafeMutablePointer<AVFormatContext>, _ path: String
    ) throws(MediaError) -> UnsafeMutablePointer<AVStream> {
        var code = avformat_find_stream_info(context, nil)
        if code >= 0 { code = av_find_best_stream(context, AVMEDIA_TYPE_VIDEO, -1, -1, nil, 0) }
        guard code >= 0, let stream = context.pointee.streams[Int(code)] else {
            throw .cannotDecodeVideo(path: path, reason: FFmpeg.reason(code))
        }
        return stream
    }
}
