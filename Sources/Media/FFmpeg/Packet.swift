import CFFmpeg

/// Compressed data of FFmpeg's, freed at the end of its life.
struct Packet: ~Copyable {
    let pointer: UnsafeMutablePointer<AVPacket>

    /// A packet without data, to be filled by an encoder.
    init() throws(MediaError) {
        pointer = try Self.allocate()
    }

    /// A packet that holds a copy of the bytes, with the blank space after them that decoders read into.
    init(_ bytes: [UInt8]) throws(MediaError) {
        let pointer = try Self.allocate()
        guard let size = Int32(exactly: bytes.count), av_new_packet(pointer, size) >= 0 else {
            var released: UnsafeMutablePointer<AVPacket>? = pointer
            av_packet_free(&released)
            throw .outOfMemory
        }
        bytes.withUnsafeBufferPointer { source in
            if let start = source.baseAddress { pointer.pointee.data.update(from: start, count: source.count) }
        }
        self.pointer = pointer
    }

    deinit {
        var released: UnsafeMutablePointer<AVPacket>? = pointer
        av_packet_free(&released)
    }

    /// A copy of the data.
    var bytes: [UInt8] {
        [UInt8](UnsafeBufferPointer(start: pointer.pointee.data, count: Int(pointer.pointee.size)))
    }

    private static func allocate() throws(MediaError) -> UnsafeMutablePointer<AVPacket> {
        guard FFmpeg.isSilent, let pointer = av_packet_alloc() else { throw .outOfMemory }
        return pointer
    }
}
