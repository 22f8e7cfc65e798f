import CFFmpeg

/// An encoder or a decoder of FFmpeg's, freed at the end of its life.
struct CodecContext: ~Copyable {
    let pointer: UnsafeMutablePointer<AVCodecContext>

    /// - Parameter name: FFmpeg's name for it, such as `libwebp`
    /// - Throws: `.missingCodec`
    init(encoder name: String) throws(MediaError) {
        guard FFmpeg.isSilent, let codec = avcodec_find_encoder_by_name(name) else {
            throw .missingCodec("encoder \(name)")
        }
        pointer = try Self.allocate(codec)
    }

    /// - Parameter id: what is to be decoded
    /// - Throws: `.missingCodec`
    init(decoder id: AVCodecID) throws(MediaError) {
        guard FFmpeg.isSilent, let codec = avcodec_find_decoder(id) else {
            throw .missingCodec("decoder for \(String(cString: avcodec_get_name(id)))")
        }
        pointer = try Self.allocate(codec)
    }

    deinit {
        // FFmpeg 5.1 frees the other matrices of the context but forgets this one.
        av_free(pointer.pointee.chroma_intra_matrix)
        pointer.pointee.chroma_intra_matrix = nil
        var released: UnsafeMutablePointer<AVCodecContext>? = pointer
        avcodec_free_context(&released)
    }

    /// Sets one of the codec's own options, before it is opened.
    ///
    /// - Returns: whether the codec knows the option and takes the value
    func setOption(_ name: String, _ value: String) -> Bool {
        av_opt_set(pointer, name, value, AV_OPT_SEARCH_CHILDREN) >= 0
    }

    /// Makes the codec ready.
    ///
    /// - Returns: FFmpeg's reason if it refuses
    func open() -> String? {
        let code = avcodec_open2(pointer, nil, nil)
        return code < 0 ? FFmpeg.reason(code) : nil
    }

    private static func allocate(
        _ codec: UnsafePointer<AVCodec>
    ) throws(MediaError) -> UnsafeMutablePointer<AVCodecContext> {
        guard let pointer = avcodec_alloc_context3(codec) else { throw .outOfMemory }
        return pointer
    }
}
