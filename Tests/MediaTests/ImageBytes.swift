/// Pieces of image files, for files that no encoder would write.
enum ImageBytes {
    static func png(_ chunks: [UInt8]...) -> [UInt8] {
        [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + chunks.flatMap { $0 }
    }

    /// A chunk with the right length and checksum.
    static func chunk(_ kind: String, _ data: [UInt8] = []) -> [UInt8] {
        let checked = Array(kind.utf8) + data
        return big(data.count) + checked + big(Int(checksum(checked)))
    }

    static func header(_ width: Int, _ height: Int, bits: UInt8 = 8, colour: UInt8 = 2) -> [UInt8] {
        chunk("IHDR", big(width) + big(height) + [bits, colour, 0, 0, 0])
    }

    /// Data in zlib's format, not compressed.
    static func stored(_ data: [UInt8]) -> [UInt8] {
        let (low, high) = data.reduce(into: (1, 0)) { sums, byte in
            sums.0 = (sums.0 + Int(byte)) % 65521
            sums.1 = (sums.1 + sums.0) % 65521
        }
        let count = [UInt8(data.count & 255), UInt8(data.count >> 8)]
        return [0x78, 0x01, 0x01] + count + count.map { ~$0 } + data + big(high << 16 | low)
    }

    static func riff(_ content: [UInt8]) -> [UInt8] {
        Array("RIFF".utf8) + little(content.count + 4) + Array("WEBP".utf8) + content
    }

    static func riffChunk(_ kind: String, _ data: [UInt8]) -> [UInt8] {
        Array(kind.utf8) + little(data.count) + data + (data.count % 2 == 1 ? [0] : [])
    }

    static func segment(_ marker: UInt8, _ data: [UInt8]) -> [UInt8] {
        [0xFF, marker] + big(data.count + 2).suffix(2) + data
    }

    static func big(_ number: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) } }

    static func little(_ number: Int) -> [UInt8] { big(number).reversed() }

    /// CRC-32, bit by bit.
    static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var sum: UInt32 = ~0
        for byte in bytes {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
        }
        return ~sum
    }
}
