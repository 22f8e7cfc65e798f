/// UTF-8, and with it two of its relatives: CESU-8, which writes surrogate pairs, and Java's two bytes for zero.
// Source: ftfy 6.3.1, bad_codecs/utf8_variants.py.
enum UTF8Variants {
    /// The text, or nil if the bytes are nothing of the kind.
    static func decode(_ bytes: [UInt8]) -> Scalars? {
        var standard: [UInt8] = []
        standard.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if isZero(bytes[index...]) {
                standard.append(0)
                index += 2
            } else if let scalar = surrogatePair(bytes[index...]) {
                standard += Array(String(scalar).utf8)
                index += 6
            } else {
                standard.append(bytes[index])
                index += 1
            }
        }
        return String(validating: standard, as: UTF8.self).map { Scalars($0.unicodeScalars) }
    }

    /// Also the first byte alone in front of a line's end counts, which then goes with it.
    private static func isZero(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard bytes.first == 0xC0, let second = bytes.dropFirst().first else { return false }
        return second == 0x80 || second == 0x0A && bytes.count == 2
    }

    /// Also a line's end in place of the sixth byte counts.
    private static func surrogatePair(_ bytes: ArraySlice<UInt8>) -> Unicode.Scalar? {
        guard bytes.first == 0xED else { return nil }
        let b = Array(bytes.prefix(6))
        guard b.count == 6, (0xA0...0xAF).contains(b[1]), (0x80...0xBF).contains(b[2]), b[3] == 0xED,
            (0xB0...0xBF).contains(b[4]), (0x80...0xBF).contains(b[5]) || b[5] == 0x0A && bytes.count == 6
        else { return nil }
        let high = UInt32(b[1] & 0x0F) << 16 | UInt32(b[2] & 0x3F) << 10
        return Unicode.Scalar(high + UInt32(b[4] & 0x0F) << 6 + UInt32(b[5] & 0x3F) + 0x10000)
    }
}
