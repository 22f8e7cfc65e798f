import CFFmpeg

extension CodecContext {
    /// Sets an encoder up for frames of one size, and opens it.
    ///
    /// - Parameters:
    ///   - encoding: its settings
    ///   - width: in pixels
    ///   - height: in pixels
    ///   - rate: frames a second
    ///   - needsHeader: whether what describes the stream stands in the container instead of its first frame
    /// - Throws: `.cannotEncodeVideo`
    func prepare(
        _ encoding: VideoEncoding, width: Int, height: Int, rate: FrameRate, needsHeader: Bool
    ) throws(MediaError) {
        pointer.pointee.width = Int32(clamping: width)
        pointer.pointee.height = Int32(clamping: height)
        pointer.pointee.time_base = rate.period
        pointer.pointee.framerate = rate.rational
        pointer.pointee.sample_aspect_ratio = AVRational(num: 1, den: 1)
        pointer.pointee.flags |= AV_CODEC_FLAG_BITEXACT
        if needsHeader { pointer.pointee.flags |= AV_CODEC_FLAG_GLOBAL_HEADER }
        var options: KeyValuePairs<String, String> = [:]
        switch encoding {
        case .h264(let crf):
            useLimitedColours()
            // x264's macroblock tree reads memory that it has not written, unless a row is a multiple of eight macroblocks:
            // the same frames then do not always give the same file.
            let tree = width.isMultiple(of: 128) ? 1 : 0
            options = ["crf": "\(crf)", "preset": "medium", "x264-params": "mbtree=\(tree)"]
        case .vp9(let crf):
            useLimitedColours()
            pointer.pointee.bit_rate = 0
            options = ["crf": "\(crf)", "deadline": "good", "cpu-used": "4", "row-mt": "1"]
        case .webp(let quality):
            pointer.pointee.pix_fmt = AV_PIX_FMT_BGRA
            options = ["quality": "\(quality)"]
        case .gif: pointer.pointee.pix_fmt = AV_PIX_FMT_PAL8
        case .motionJPEG(let quality):
            pointer.pointee.pix_fmt = AV_PIX_FMT_YUVJ420P
            setMotionJPEGQuality(quality)
        case .images: break
        }
        for (option, value) in options where !setOption(option, value) {
            throw .cannotEncodeVideo(encoding.format, reason: "the encoder does not take \(option)=\(value)")
        }
        if let reason = open() { throw .cannotEncodeVideo(encoding.format, reason: reason) }
    }

    /// What players expect of a video that says nothing: BT.709, luma from 16 to 235, on as many threads as pay.
    private func useLimitedColours() {
        pointer.pointee.pix_fmt = AV_PIX_FMT_YUV420P
        pointer.pointee.color_range = AVCOL_RANGE_MPEG
        pointer.pointee.colorspace = AVCOL_SPC_BT709
        pointer.pointee.color_primaries = AVCOL_PRI_BT709
        pointer.pointee.color_trc = AVCOL_TRC_BT709
        pointer.pointee.chroma_sample_location = AVCHROMA_LOC_LEFT
        pointer.pointee.thread_count = 0
    }
}

extension Image {
    /// The image in the form that an encoder takes.
    ///
    /// - Parameters:
    ///   - encoding: which
    ///   - width: in pixels, at least the image's
    ///   - height: in pixels, at least the image's
    /// - Returns: the frame
    /// - Throws: `.outOfMemory`
    func frame(for encoding: VideoEncoding, width: Int, height: Int) throws(MediaError) -> Frame {
        switch encoding {
        case .h264, .vp9: try limitedFrame(width: width, height: height)
        case .webp: try packedFrame(AV_PIX_FMT_BGRA)
        case .gif: try paletteFrame()
        case .motionJPEG: try motionJPEGFrame()
        case .images: try packedFrame(AV_PIX_FMT_RGB24)
        }
    }
}
