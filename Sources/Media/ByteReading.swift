extension ArraySlice<UInt8> {
    /// A whole number of `size` bytes, the most significant first; nil beyond the end.
    ///
    /// - Parameters:
    ///   - offset: where it begins, counted from the slice's beginning
    ///   - size: 1 to 4
    /// - Returns: the number, never negative
    func bigEndian(at offset: Int, size: Int) -> Int? {
        guard let field = field(at: offset, size: size) else { return nil }
        return field.reduce(0) { $0 << 8 | Int($1) }
    }

    /// A whole number of `size` bytes, the least significant first; nil beyond the end.
    ///
    /// - Parameters:
    ///   - offset: where it begins, counted from the slice's beginning
    ///   - size: 1 to 4
    /// - Returns: the number, never negative
    func littleEndian(at offset: Int, size: Int) -> Int? {
        guard let field = field(at: offset, size: size) else { return nil }
        return field.reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    /// The bytes from an offset on, or nil where there are fewer than `size`.
    func field(at offset: Int, size: Int) -> ArraySlice<UInt8>? {
        guard offset >= 0, size >= 0, offset <= count, size <= count - offset else { return nil }
        return self[startIndex + offset..<startIndex + offset + size]
    }
}

extension [UInt8] {
    /// Appends a whole number of 4 bytes, the most significant first.
    mutating func appendBigEndian(_ number: UInt32) {
        for shift in [24, 16, 8, 0] { append(UInt8(truncatingIfNeeded: number >> UInt32(shift))) }
    }

    /// Appends a whole number of 4 bytes, the least significant first.
    mutating func appendLittleEndian(_ number: UInt32) {
        for shift in [0, 8, 16, 24] { append(UInt8(truncatingIfNeeded: number >> UInt32(shift))) }
    }
}
