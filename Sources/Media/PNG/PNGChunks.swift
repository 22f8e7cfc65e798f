/// The chunks of a PNG one after the other, lengths and checksums distrusted.
struct PNGChunks {
    private let bytes: [UInt8]
    private var offset = PNGFile.signature.count
    private var isAtEnd = false

    /// - Throws: `.notAnImage` where the bytes do not begin as a PNG does
    init(_ bytes: [UInt8]) throws(MediaError) {
        guard bytes.starts(with: PNGFile.signature) else { throw .notAnImage }
        self.bytes = bytes
    }

    /// The next chunk; nil after the one that ends the file, whatever follows it.
    ///
    /// - Throws: `.damaged`
    mutating func next() throws(MediaError) -> PNGChunk? {
        if isAtEnd { return nil }
        let rest = bytes[offset...]
        guard let length = rest.bigEndian(at: 0, size: 4), let kind = rest.field(at: 4, size: 4) else {
            throw .damaged(.png, "it ends before its last chunk")
        }
        guard kind.allSatisfy({ (0x41...0x5A).contains($0 & 0xDF) && $0 < 0x80 }) else {
            throw .damaged(.png, "something else stands where a chunk must begin, at byte \(offset)")
        }
        let chunk = String(decoding: kind, as: UTF8.self)
        guard let checked = rest.field(at: 4, size: 4 + length), let sum = rest.bigEndian(at: 8 + length, size: 4)
        else {
            throw .damaged(.png, "its chunk \(chunk) claims \(length) bytes, more than there are")
        }
        guard sum == Int(PNGChunk.checksum(checked)) else {
            throw .damaged(.png, "the checksum of its chunk \(chunk) is wrong")
        }
        offset += 12 + length
        isAtEnd = chunk == "IEND"
        return PNGChunk(kind: chunk, data: checked.dropFirst(4))
    }
}
