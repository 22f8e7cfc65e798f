extension [UInt8] {
    /// The bytes behind the byte order mark that some editors put before a text in UTF-8.
    package var withoutByteOrderMark: ArraySlice<UInt8> {
        starts(with: [0xEF, 0xBB, 0xBF]) ? dropFirst(3) : self[...]
    }

    /// The lines of a text file, whatever system wrote it: without a byte order mark, and without their ends, LF or CRLF,
    /// which the last one may lack.
    package var lines: [ArraySlice<UInt8>] {
        var lines = withoutByteOrderMark.split(separator: 0x0A, omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines.map { $0.last == 0x0D ? $0.dropLast() : $0 }
    }
}
