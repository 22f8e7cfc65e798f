import CFFmpeg

/// zlib's unpacking of one stream.
struct Inflater: ~Copyable {
    private let stream: UnsafeMutablePointer<z_stream>
    /// Whether the stream has ended, as it should or not: then it gives no more.
    private(set) var isAtEnd = false
    private(set) var isBroken = false

    /// - Throws: `.outOfMemory`
    init() throws(MediaError) {
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard inflateInit_(stream, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            stream.deallocate()
            throw .outOfMemory
        }
        self.stream = stream
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Unpacks until the input is used up, the output is full or the stream ends.
    ///
    /// - Parameters:
    ///   - input: packed bytes; those that were read are removed
    ///   - output: where the bytes go
    /// - Returns: how many bytes there are
    mutating func unpack(
        _ input: inout UnsafeBufferPointer<UInt8>, into output: UnsafeMutableBufferPointer<UInt8>
    ) -> Int {
        guard !isAtEnd, !input.isEmpty, !output.isEmpty else { return 0 }
        let (given, room) = (min(input.count, 1 << 30), min(output.count, 1 << 30))
        stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
        stream.pointee.avail_in = UInt32(given)
        stream.pointee.next_out = output.baseAddress
        stream.pointee.avail_out = UInt32(room)
        let status = inflate(stream, Z_NO_FLUSH)
        isAtEnd = status != Z_OK
        isBroken = isAtEnd && status != Z_STREAM_END
        input = UnsafeBufferPointer(rebasing: input.dropFirst(given - Int(stream.pointee.avail_in)))
        return room - Int(stream.pointee.avail_out)
    }
}
