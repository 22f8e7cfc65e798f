import CFFmpeg

/// The encoded sound of a video's file.
final class SoundTrack {
    private let sound: VideoSound
    private let stream: EncodedStream
    /// The first sample that is not encoded.
    private var position = 0

    /// Bits a second of each channel, which are hard to tell from the original.
    private static let bitRate: Int64 = 96_000

    /// Adds a stream to a file, before that is begun; nil where its format has no sound.
    ///
    /// - Parameters:
    ///   - sound: all of it
    ///   - muxer: the file
    ///   - format: the file's
    /// - Throws: `.missingCodec`, or `.cannotEncodeVideo` for a rate that the format does not have
    init?(_ sound: VideoSound, in muxer: borrowing Muxer, of format: VideoFormat) throws(MediaError) {
        guard let (name, kind) = format.soundEncoder, sound.count > 0 else { return nil }
        let encoder = try CodecContext(encoder: name)
        let settings = encoder.pointer
        settings.pointee.sample_rate = Int32(sound.rate)
        settings.pointee.time_base = AVRational(num: 1, den: Int32(sound.rate))
        settings.pointee.sample_fmt = kind
        settings.pointee.bit_rate = Self.bitRate * Int64(sound.channels.count)
        settings.pointee.flags |= AV_CODEC_FLAG_BITEXACT
        if muxer.needsGlobalHeaders { settings.pointee.flags |= AV_CODEC_FLAG_GLOBAL_HEADER }
        av_channel_layout_default(&settings.pointee.ch_layout, Int32(sound.channels.count))
        if let reason = encoder.open() {
            throw .cannotEncodeVideo(format, reason: "sound of \(sound.rate) Hz: \(reason)")
        }
        stream = try EncodedStream(encoder, in: muxer, of: format)
        self.sound = sound
    }

    /// Encodes what is heard before a time.
    ///
    /// - Parameters:
    ///   - time: in seconds
    ///   - muxer: the file
    ///   - path: for the error
    /// - Throws: `.cannotEncodeVideo`, `.cannotWrite`
    func write(until time: Double, into muxer: borrowing Muxer, path: String) throws(MediaError) {
        let size = Int(stream.encoder.pointer.pointee.frame_size)
        let step = size > 0 ? size : 1024
        while position < sound.count, Double(position) < time * Double(sound.rate) {
            let count = min(step, sound.count - position)
            let frame = try samples(position..<position + count)
            try stream.encode(frame.pointer, into: muxer, path: path)
            position += count
        }
    }

    /// Encodes what is left.
    ///
    /// - Parameters:
    ///   - muxer: the file
    ///   - path: for the error
    /// - Throws: `.cannotEncodeVideo`, `.cannotWrite`
    func finish(into muxer: borrowing Muxer, path: String) throws(MediaError) {
        try write(until: .infinity, into: muxer, path: path)
        try stream.encode(nil, into: muxer, path: path)
    }

    private func samples(_ range: Range<Int>) throws(MediaError) -> Frame {
        let settings = stream.encoder.pointer
        let frame = try Frame(samples: range.count, like: settings)
        frame.pointer.pointee.pts = Int64(range.lowerBound)
        let channels = sound.channels.map { $0[range] }
        let isPlanar = settings.pointee.sample_fmt == AV_SAMPLE_FMT_FLTP
        for (number, channel) in channels.enumerated() {
            guard let plane = frame.plane(isPlanar ? number : 0)?.start else { throw .outOfMemory }
            let (first, stride) = isPlanar ? (0, 1) : (number, channels.count)
            for (place, sample) in channel.enumerated() {
                let sample = sample.isFinite ? max(-1, min(1, sample)) : 0
                let target = UnsafeMutableRawPointer(plane)
                if settings.pointee.sample_fmt == AV_SAMPLE_FMT_S16 {
                    target.storeBytes(
                        of: Int16((sample * 32767).rounded()), toByteOffset: 2 * (place * stride + first),
                        as: Int16.self)
                } else {
                    target.storeBytes(of: sample, toByteOffset: 4 * (place * stride + first), as: Float.self)
                }
            }
        }
        return frame
    }
}

extension VideoFormat {
    /// Whether files have sound beside the frames.
    package var hasSound: Bool { soundEncoder != nil }

    /// FFmpeg's name of the encoder of sound in such files, and what it takes; nil where they have none.
    fileprivate var soundEncoder: (name: String, samples: AVSampleFormat)? {
        switch self {
        case .mp4: ("aac", AV_SAMPLE_FMT_FLTP)
        case .webm: ("libopus", AV_SAMPLE_FMT_FLT)
        case .avi: ("pcm_s16le", AV_SAMPLE_FMT_S16)
        case .webp, .gif, .images: nil
        }
    }
}
