/// The chunks of a PNG one after the other, lengths and checksums distrusted.
struct PNGChunks: ~Copyable {
    private var source: ByteSource
    private var offset = DecodableFormat.pngSignature.count

    /// - Throws: `.notAnImage` where the bytes do not begin as a PNG does, `.cannotRead`
    init(_ source: consuming ByteSource) throws(MediaError) {
        self.source = source
        guard try self.source.bytes(at: 0, size: offset)?.elementsEqual(DecodableFormat.pngSignature) == true else {
            throw .notAnImage
        }
    }

    /// The next chunk, whatever it claims.
    ///
    /// - Throws: `.damaged` where none begins, `.cannotRead`
    mutating func next() throws(MediaError) -> PNGChunk {
        guard let head = try source.bytes(at: offset, size: 8), let length = head.bigEndian(at: 0, size: 4) else {
            throw .damaged(.png, "it ends before its last chunk")
        }
        let kind = head.dropFirst(4)
        guard kind.allSatisfy(Self.isInAName) else {
            throw .damaged(.png, "something else stands where a chunk must begin, at byte \(offset)")
        }
        let chunk = PNGChunk(kind: String(decoding: kind, as: UTF8.self), start: offset + 8, length: length)
        offset = chunk.end
        return chunk
    }

    /// Whether the file holds all of a chunk's data; their checksum may be missing.
    func holds(_ chunk: PNGChunk) -> Bool { chunk.start + chunk.length <= source.size }

    /// A chunk's data without a look at their checksum.
    ///
    /// - Throws: `.damaged` where the file ends inside them, `.cannotRead`
    mutating func data(of chunk: PNGChunk) throws(MediaError) -> ArraySlice<UInt8> {
        guard let data = try source.bytes(at: chunk.start, size: chunk.length) else { throw .tooLong(chunk) }
        return data
    }

    /// What of a chunk's data the file holds.
    ///
    /// - Throws: `.cannotRead`
    mutating func rest(of chunk: PNGChunk) throws(MediaError) -> ArraySlice<UInt8> {
        let held = min(chunk.length, source.size - chunk.start)
        return try source.bytes(at: chunk.start, size: held) ?? []
    }

    /// A chunk's data.
    ///
    /// - Throws: `.damaged` where the file ends inside them or their checksum is wrong, `.cannotRead`
    mutating func checkedData(of chunk: PNGChunk) throws(MediaError) -> ArraySlice<UInt8> {
        guard let all = try source.bytes(at: chunk.start - 4, size: chunk.length + 8),
            let sum = all.bigEndian(at: chunk.length + 4, size: 4)
        else { throw .tooLong(chunk) }
        guard sum == Int(PNGChunk.checksum(all.dropLast(4))) else {
            throw .damaged(.png, "the checksum of its chunk \(chunk.kind) is wrong")
        }
        return all.dropFirst(4).dropLast(4)
    }

    /// PIL lets digits and an underscore pass, too.
    private static func isInAName(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x5F, 0x61...0x7A: true
        default: false
        }
    }
}

extension MediaError {
    fileprivate static func tooLong(_ chunk: PNGChunk) -> MediaError {
        .damaged(.png, "its chunk \(chunk.kind) claims \(chunk.length) bytes, more than there are")
    }
}
