/// Stages hand each other UTF-8 that is known to be valid: it began as a `String` and every stage keeps it so.
typealias UTF8Text = ArraySlice<UInt8>

/// One scalar of a UTF-8 text, and the bytes it takes.
struct DecodedScalar {
    let value: UInt32
    let length: Int
}

extension RandomAccessCollection where Element == UInt8, Index == Int {
    /// The scalar that begins at an index of a valid text.
    @inline(__always)
    func scalar(at index: Int) -> DecodedScalar {
        let first = UInt32(self[index])
        if first < 0x80 { return DecodedScalar(value: first, length: 1) }
        let second = UInt32(self[index + 1]) & 0x3F
        if first < 0xE0 { return DecodedScalar(value: (first & 0x1F) << 6 | second, length: 2) }
        let third = UInt32(self[index + 2]) & 0x3F
        if first < 0xF0 { return DecodedScalar(value: (first & 0x0F) << 12 | second << 6 | third, length: 3) }
        let fourth = UInt32(self[index + 3]) & 0x3F
        return DecodedScalar(value: (first & 0x07) << 18 | second << 12 | third << 6 | fourth, length: 4)
    }

    /// Where the scalar before an index of a valid text begins.
    @inline(__always)
    func index(beforeScalarAt index: Int) -> Int {
        var index = index - 1
        while index > startIndex, self[index] & 0xC0 == 0x80 { index -= 1 }
        return index
    }
}

extension Array where Element == UInt8 {
    @inline(__always)
    mutating func append(scalar: UInt32) {
        switch scalar {
        case 0..<0x80: append(UInt8(truncatingIfNeeded: scalar))
        case 0x80..<0x800:
            append(UInt8(truncatingIfNeeded: 0xC0 | scalar >> 6))
            append(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
        case 0x800..<0x10000:
            append(UInt8(truncatingIfNeeded: 0xE0 | scalar >> 12))
            append(UInt8(truncatingIfNeeded: 0x80 | scalar >> 6 & 0x3F))
            append(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
        default:
            append(UInt8(truncatingIfNeeded: 0xF0 | scalar >> 18))
            append(UInt8(truncatingIfNeeded: 0x80 | scalar >> 12 & 0x3F))
            append(UInt8(truncatingIfNeeded: 0x80 | scalar >> 6 & 0x3F))
            append(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
        }
    }
}

extension Collection where Element == UInt8 {
    var text: String { String(decoding: self, as: UTF8.self) }
}
