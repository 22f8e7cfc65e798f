import CFFmpeg

/// Unpacks a PNG's pixels without keeping them, to see whether they are all there, and not much more.
struct PNGPixelCount: ~Copyable {
    /// The most bytes behind the pixels; FFmpeg would unpack any number of them, a row at a time.
    private static let surplusLimit = 1 << 20

    private let stream: UnsafeMutablePointer<z_stream>
    private var missing: Int
    private var isSound = true

    /// - Throws: `.damaged` for a header that does not tell how many there must be, `.outOfMemory`
    init(_ header: PNGHeader) throws(MediaError) {
        let size = try header.unpackedSize()
        let stream = try Self.open()
        (self.stream, missing) = (stream, size)
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Whether the chunks read so far hold every pixel.
    var isComplete: Bool { missing <= 0 }

    /// Whether they go on far beyond the last pixel.
    var isEndless: Bool { missing < -Self.surplusLimit }

    /// Reads the data of the next chunk of pixels.
    mutating func read(_ data: ArraySlice<UInt8>) {
        guard isSound, !isEndless else { return }
        data.withUnsafeBufferPointer { packed in
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1 << 16) { scratch in
                stream.pointee.next_in = UnsafeMutablePointer(mutating: packed.baseAddress)
                stream.pointee.avail_in = UInt32(packed.count)
                repeat {
                    stream.pointee.next_out = scratch.baseAddress
                    stream.pointee.avail_out = UInt32(scratch.count)
                    isSound = inflate(stream, Z_NO_FLUSH) == Z_OK
                    missing -= scratch.count - Int(stream.pointee.avail_out)
                } while isSound && !isEndless && (stream.pointee.avail_in > 0 || stream.pointee.avail_out == 0)
            }
        }
    }

    private static func open() throws(MediaError) -> UnsafeMutablePointer<z_stream> {
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard inflateInit_(stream, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            stream.deallocate()
            throw .outOfMemory
        }
        return stream
    }
}
