import CFFmpeg

/// One piece of a PNG: four letters that say what it is, and where its data lie.
struct PNGChunk {
    let kind: String
    /// Where its data begin in the file.
    let start: Int
    /// How many bytes of data it claims.
    let length: Int

    /// Where the next one begins.
    var end: Int { start + length + 4 }

    /// A chunk as it stands in a file: length, kind, data, checksum.
    static func encoded(_ kind: String, _ data: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(data.count + 12)
        bytes.appendBigEndian(UInt32(truncatingIfNeeded: data.count))
        bytes.append(contentsOf: kind.utf8)
        bytes.append(contentsOf: data)
        bytes.appendBigEndian(checksum(bytes.dropFirst(4)))
        return bytes
    }

    /// CRC-32 over kind and data.
    static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        let table = av_crc_get_table(AV_CRC_32_IEEE_LE)
        return ~bytes.withUnsafeBufferPointer { av_crc(table, ~0, $0.baseAddress, $0.count) }
    }
}
