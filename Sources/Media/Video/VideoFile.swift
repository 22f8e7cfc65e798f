import CFFmpeg
internal import Files

/// A container file with an encoded stream of frames, and one of sound if there is any.
final class VideoFile: VideoSink {
    private let encoding: VideoEncoding
    private let width, height: Int
    private let rate: FrameRate
    private let muxer: Muxer
    private let frames: EncodedStream
    private let sound: SoundTrack?
    private var file: AtomicFile?
    private let path: String

    /// - Parameters:
    ///   - path: the file
    ///   - width: of the frames in the file, in pixels
    ///   - height: of the frames in the file, in pixels
    ///   - rate: frames a second
    ///   - encoding: any but `.images`
    ///   - sound: nil for a silent video; formats that have no sound leave it out
    ///   - texts: become the comment
    init(
        _ path: String, width: Int, height: Int, rate: FrameRate, encoding: VideoEncoding, sound: VideoSound?,
        texts: [PNGText]
    ) throws(MediaError) {
        let file = try Self.create(path)
        let muxer = try Muxer(path: file.temporaryPath, container: encoding.format.container, of: encoding.format)
        let encoder = try CodecContext(encoder: encoding.format.encoder)
        try encoder.prepare(encoding, width: width, height: height, rate: rate, needsHeader: muxer.needsGlobalHeaders)
        frames = try EncodedStream(encoder, in: muxer, of: encoding.format, rate: rate)
        self.sound = try sound.flatMap { sound throws(MediaError) in
            try SoundTrack(sound, in: muxer, of: encoding.format)
        }
        let comment = texts.map { "\($0.keyword): \($0.text)" }.joined(separator: "\n")
        let options = encoding.format == .mp4 ? ["movflags": "faststart"] : ["loop": "0"]
        try muxer.begin(comment: comment, options: options, path: path)
        (self.path, self.encoding, self.width, self.height, self.rate) = (path, encoding, width, height, rate)
        self.muxer = muxer
        self.file = consume file
    }

    func append(_ frame: Image, number: Int) throws(MediaError) {
        let frame = try frame.frame(for: encoding, width: width, height: height)
        frame.pointer.pointee.pts = Int64(number)
        frame.pointer.pointee.quality = frames.encoder.pointer.pointee.global_quality
        // Before the frame, so that players find both near each other and nothing waits in memory.
        try sound?.write(until: Double(number + 1) / rate.value, into: muxer, path: path)
        try frames.encode(frame.pointer, into: muxer, path: path)
    }

    func finish() throws(MediaError) {
        try frames.encode(nil, into: muxer, path: path)
        try sound?.finish(into: muxer, path: path)
        try muxer.finish(path: path)
        guard let file = file.take() else { throw .videoIsClosed }
        do {
            try file.commit()
        } catch {
            throw .cannotWrite(path: error.path, reason: error.fault.reason)
        }
    }

    private static func create(_ path: String) throws(MediaError) -> AtomicFile {
        do {
            return try AtomicFile(replacing: path)
        } catch {
            throw .cannotWrite(path: error.path, reason: error.fault.reason)
        }
    }
}
