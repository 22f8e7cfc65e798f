import CFFmpeg

/// One piece of a PNG: four letters that say what it is, and its data.
struct PNGChunk {
    let kind: String
    let data: ArraySlice<UInt8>

    /// Whether a decoder must understand it (its first letter is a capital).
    var isCritical: Bool { kind.utf8.first.map { $0 & 0x20 == 0 } ?? false }

    /// The chunk as it stands in a file: length, kind, data, checksum.
    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(data.count + 12)
        bytes.appendBigEndian(UInt32(truncatingIfNeeded: data.count))
        bytes.append(contentsOf: kind.utf8)
        bytes.append(contentsOf: data)
        bytes.appendBigEndian(Self.checksum(bytes.dropFirst(4)))
        return bytes
    }

    /// CRC-32 over kind and data.
    static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        let table = av_crc_get_table(AV_CRC_32_IEEE_LE)
        return ~bytes.withUnsafeBufferPointer { av_crc(table, ~0, $0.baseAddress, $0.count) }
    }
}
