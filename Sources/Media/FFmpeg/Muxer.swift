import CFFmpeg

/// A container file of FFmpeg's that is being written; streams are interleaved by time.
struct Muxer: ~Copyable {
    /// One of the streams in a file, such as the frames or, beside them, the sound.
    struct Stream {
        let index: Int32
        /// What the encoder's times count, in seconds.
        let timeBase: AVRational
    }

    private let context: UnsafeMutablePointer<AVFormatContext>

    /// - Parameters:
    ///   - path: the file to be written; one that exists is overwritten
    ///   - container: FFmpeg's name for it, such as `mp4`
    ///   - format: for the error
    /// - Throws: `.missingVideoEncoder`, `.cannotWrite`
    init(path: String, container: String, of format: VideoFormat) throws(MediaError) {
        var allocated: UnsafeMutablePointer<AVFormatContext>?
        guard FFmpeg.isSilent, avformat_alloc_output_context2(&allocated, nil, container, nil) >= 0, let allocated
        else { throw .missingVideoEncoder(format) }
        // The same frames make the same file: no time of day, no version of a library.
        allocated.pointee.flags |= AVFMT_FLAG_BITEXACT
        // Opened by this name a second time when the index moves to the front; the prefix keeps colons plain.
        let url = "file:\(path)"
        allocated.pointee.url = av_strdup(url)
        let code = avio_open(&allocated.pointee.pb, url, AVIO_FLAG_WRITE)
        guard code >= 0 else {
            avformat_free_context(allocated)
            throw .cannotWrite(path: path, reason: FFmpeg.reason(code))
        }
        context = allocated
    }

    deinit {
        avio_closep(&context.pointee.pb)
        avformat_free_context(context)
    }

    /// Whether encoders must be opened with `AV_CODEC_FLAG_GLOBAL_HEADER`.
    var needsGlobalHeaders: Bool { context.pointee.oformat.pointee.flags & AVFMT_GLOBALHEADER != 0 }

    /// Adds a stream, before the file is begun.
    ///
    /// - Parameters:
    ///   - encoder: an open encoder of the stream
    ///   - rate: frames a second, where the stream has frames
    /// - Returns: where its packets go
    /// - Throws: `.outOfMemory`
    func addStream(_ encoder: borrowing CodecContext, rate: FrameRate?) throws(MediaError) -> Stream {
        guard let stream = avformat_new_stream(context, nil),
            avcodec_parameters_from_context(stream.pointee.codecpar, encoder.pointer) >= 0
        else { throw .outOfMemory }
        stream.pointee.time_base = encoder.pointer.pointee.time_base
        if let rate {
            stream.pointee.avg_frame_rate = rate.rational
            stream.pointee.r_frame_rate = rate.rational
        }
        return Stream(index: stream.pointee.index, timeBase: encoder.pointer.pointee.time_base)
    }

    /// Writes what stands before the packets.
    ///
    /// - Parameters:
    ///   - comment: travels in the file unless it is empty
    ///   - options: the container's own; those that it does not know are ignored
    ///   - path: for the error
    /// - Throws: `.cannotWrite`
    func begin(comment: String, options: [String: String], path: String) throws(MediaError) {
        if !comment.isEmpty { av_dict_set(&context.pointee.metadata, "comment", comment, 0) }
        var dictionary: OpaquePointer?
        defer { av_dict_free(&dictionary) }
        for (name, value) in options { av_dict_set(&dictionary, name, value, 0) }
        try check(avformat_write_header(context, &dictionary), path)
    }

    /// Writes a packet, or keeps it until those before it have come; afterwards it is blank.
    ///
    /// - Parameters:
    ///   - packet: its times count the stream's own unit
    ///   - stream: of which it is a part
    ///   - path: for the error
    /// - Throws: `.cannotWrite`
    func write(_ packet: borrowing Packet, to stream: Stream, path: String) throws(MediaError) {
        guard let target = context.pointee.streams[Int(stream.index)] else { throw .outOfMemory }
        packet.pointer.pointee.stream_index = stream.index
        av_packet_rescale_ts(packet.pointer, stream.timeBase, target.pointee.time_base)
        try check(av_interleaved_write_frame(context, packet.pointer), path)
    }

    /// Completes and closes the file.
    ///
    /// - Parameter path: for the error
    /// - Throws: `.cannotWrite`
    func finish(path: String) throws(MediaError) {
        try check(av_write_trailer(context), path)
        try check(avio_closep(&context.pointee.pb), path)
    }

    private func check(_ code: Int32, _ path: String) throws(MediaError) {
        let failure = code < 0 ? code : context.pointee.pb?.pointee.error ?? 0
        if failure < 0 { throw .cannotWrite(path: path, reason: FFmpeg.reason(failure)) }
    }
}
