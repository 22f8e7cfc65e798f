import CFFmpeg

extension Image {
    /// The image as a file's bytes.
    ///
    /// - Parameter encoding: format, quality and texts
    /// - Returns: a whole file
    package func encoded(_ encoding: ImageEncoding) throws(MediaError) -> [UInt8] {
        switch encoding {
        case .png(let text):
            let bytes = try png()
            return text.isEmpty ? bytes : try PNGText.insert(text, into: bytes)
        case .jpeg(let quality):
            try check(quality, .jpeg)
            return try jpeg(quality: quality, sharesColour: quality < 90)
        case .webp(let quality):
            try check(quality, .webp)
            let frame = try packedFrame(AV_PIX_FMT_BGRA)
            return try encoded(.webp, frame, with: "libwebp", options: ["quality": "\(quality)"])
        case .webpLossless(let effort):
            try check(effort, .webp)
            let frame = try packedFrame(AV_PIX_FMT_BGRA)
            return try encoded(.webp, frame, with: "libwebp", options: ["quality": "\(effort)", "lossless": "1"])
        }
    }

    /// Writes the image into a file, all or nothing.
    ///
    /// A file of this name is replaced in one step. On an error it stays as it was, and nothing new is left behind.
    ///
    /// - Parameters:
    ///   - path: the file to be written; its folder must exist
    ///   - encoding: nil for what the path's extension says, with default settings
    package func write(to path: String, as encoding: ImageEncoding? = nil) throws(MediaError) {
        let encoding = if let encoding { encoding } else { ImageEncoding(try ImageFormat(path: path)) }
        try EncodedImage(self, as: encoding).write(to: path)
    }

    private func check(_ quality: Int, _ format: ImageFormat) throws(MediaError) {
        guard 1...100 ~= quality else { throw .quality(quality, format: format) }
    }

    private func encoded(
        _ format: ImageFormat, _ frame: borrowing Frame, with name: String, options: [String: String]
    ) throws(MediaError) -> [UInt8] {
        let encoder = try CodecContext(encoder: name)
        let context = encoder.pointer
        context.pointee.width = frame.pointer.pointee.width
        context.pointee.height = frame.pointer.pointee.height
        context.pointee.pix_fmt = frame.format
        context.pointee.time_base = AVRational(num: 1, den: 1)
        context.pointee.sample_aspect_ratio = AVRational(num: 1, den: 1)
        context.pointee.flags |= AV_CODEC_FLAG_BITEXACT
        context.pointee.thread_count = 1
        for (option, value) in options where !encoder.setOption(option, value) {
            throw .cannotEncode(format, reason: "\(name) does not take \(option)=\(value)")
        }
        if let reason = encoder.open() { throw .cannotEncode(format, reason: reason) }
        let packet = try Packet()
        var code = avcodec_send_frame(context, frame.pointer)
        if code >= 0 { code = avcodec_send_frame(context, nil) }
        if code >= 0 { code = avcodec_receive_packet(context, packet.pointer) }
        guard code >= 0 else { throw .cannotEncode(format, reason: FFmpeg.reason(code)) }
        return packet.bytes
    }

    /// The pixels in a frame, as they are or blue first and each with a fourth, opaque byte.
    func packedFrame(_ format: AVPixelFormat) throws(MediaError) -> Frame {
        let frame = try Frame(width: width, height: height, format: format)
        guard let (start, stride) = frame.plane(0) else { throw .outOfMemory }
        pixels.withUnsafeBufferPointer { pixels in
            guard let first = pixels.baseAddress else { return }
            for y in 0..<height {
                let (source, row) = (first + 3 * y * width, start + y * stride)
                if format == AV_PIX_FMT_RGB24 {
                    row.update(from: source, count: 3 * width)
                    continue
                }
                for x in 0..<width {
                    row[4 * x] = source[3 * x + 2]
                    row[4 * x + 1] = source[3 * x + 1]
                    row[4 * x + 2] = source[3 * x]
                    row[4 * x + 3] = 255
                }
            }
        }
        return frame
    }
}
