import CFFmpeg

extension Image {
    /// The picture as a file's bytes.
    ///
    /// - Parameter encoding: format, quality and texts
    /// - Returns: a whole file
    /// - Throws: ``MediaError``
    package func encoded(_ encoding: ImageEncoding) throws(MediaError) -> [UInt8] {
        switch encoding {
        case .png(let text):
            let bytes = try encoded(.png, with: "png", as: AV_PIX_FMT_RGB24, options: ["pred": "mixed"])
            return text.isEmpty ? bytes : try PNGText.insert(text, into: bytes)
        case .jpeg(let quality):
            try check(quality, .jpeg)
            let format = quality >= 90 ? AV_PIX_FMT_YUVJ444P : AV_PIX_FMT_YUVJ420P
            return try encoded(.jpeg, with: "mjpeg", as: format) { $0.setJPEGQuality(quality) }
        case .webp(let quality):
            try check(quality, .webp)
            return try encoded(.webp, with: "libwebp", as: AV_PIX_FMT_BGRA, options: ["quality": "\(quality)"])
        case .webpLossless(let effort):
            try check(effort, .webp)
            let options = ["quality": "\(effort)", "lossless": "1"]
            return try encoded(.webp, with: "libwebp", as: AV_PIX_FMT_BGRA, options: options)
        }
    }

    /// Writes the picture into a file, all or nothing.
    ///
    /// A file of this name is replaced in one step. On an error it stays as it was, and nothing new is left behind.
    ///
    /// - Parameters:
    ///   - path: the file to be written; its folder must exist
    ///   - encoding: nil for what the path's extension says, with default settings
    /// - Throws: ``MediaError``
    package func write(to path: String, as encoding: ImageEncoding? = nil) throws(MediaError) {
        let encoding = if let encoding { encoding } else { ImageEncoding(try ImageFormat(path: path)) }
        try AtomicFile.write(encoded(encoding), to: path)
    }

    private func check(_ quality: Int, _ format: ImageFormat) throws(MediaError) {
        guard 1...100 ~= quality else { throw .quality(quality, format: format) }
    }

    private func encoded(
        _ format: ImageFormat, with name: String, as pixelFormat: AVPixelFormat, options: [String: String] = [:],
        prepare: (borrowing CodecContext) -> Void = { _ in }
    ) throws(MediaError) -> [UInt8] {
        guard width <= Int(Int32.max) / 8, height <= Int(Int32.max) / 8 else {
            throw .cannotEncode(format, reason: "\(width)×\(height) pixels are too many")
        }
        let encoder = try CodecContext(encoder: name)
        let context = encoder.pointer
        context.pointee.width = Int32(width)
        context.pointee.height = Int32(height)
        context.pointee.pix_fmt = pixelFormat
        context.pointee.time_base = AVRational(num: 1, den: 1)
        context.pointee.thread_count = 1
        for (option, value) in options where !encoder.setOption(option, value) {
            throw .cannotEncode(format, reason: "\(name) does not take \(option)=\(value)")
        }
        prepare(encoder)
        if let reason = encoder.open() { throw .cannotEncode(format, reason: reason) }
        let frame = try frame(as: pixelFormat, for: format)
        frame.pointer.pointee.quality = context.pointee.global_quality
        let packet = try Packet()
        var code = avcodec_send_frame(context, frame.pointer)
        if code >= 0 { code = avcodec_send_frame(context, nil) }
        if code >= 0 { code = avcodec_receive_packet(context, packet.pointer) }
        guard code >= 0 else { throw .cannotEncode(format, reason: FFmpeg.reason(code)) }
        return packet.bytes
    }

    private func frame(as pixelFormat: AVPixelFormat, for format: ImageFormat) throws(MediaError) -> Frame {
        let source = try Frame(width: width, height: height, format: AV_PIX_FMT_RGB24)
        guard let (start, stride) = source.plane(0) else { throw .outOfMemory }
        pixels.withUnsafeBufferPointer { pixels in
            guard let first = pixels.baseAddress else { return }
            for y in 0..<height { (start + y * stride).update(from: first + 3 * y * width, count: 3 * width) }
        }
        if pixelFormat == AV_PIX_FMT_RGB24 { return source }
        let target = try Frame(width: width, height: height, format: pixelFormat)
        let scaler = try Scaler(
            width: width, height: height, from: AV_PIX_FMT_RGB24, to: pixelFormat, isFullRange: true)
        if let reason = scaler.convert(source, into: target) { throw .cannotEncode(format, reason: reason) }
        return target
    }
}
