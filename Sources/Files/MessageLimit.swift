/// How long a message may become that is about texts of somebody else: how long those are, and how many, is their choice.
package enum MessageLimit {
    /// Of a whole message, in bytes.
    package static let bytes = 2048
    /// Of the names that one list tells.
    package static let items = 8
    /// Of a name for which a similar one is looked for, in bytes.
    package static let nameBytes = 64
}

extension String {
    /// The text, cut where it has more bytes; neither characters are looked for nor are texts compared.
    ///
    /// - Parameter limit: the most bytes, at least 4
    /// - Returns: the text, or its beginning and `…`
    package func cut(toBytes limit: Int = MessageLimit.bytes) -> String {
        if utf8.count <= limit { return self }
        var end = utf8.index(startIndex, offsetBy: limit - 3)
        while end > startIndex, utf8[end] & 0xC0 == 0x80 { end = utf8.index(before: end) }
        return "\(self[..<end])…"
    }

    /// Whether another text has the same bytes: what texts look alike is a question that long ones make expensive.
    package func hasBytes(of other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}

extension Collection where Element == String {
    /// The texts in a row, as many as a message has room for, and how many more there are.
    ///
    /// - Parameters:
    ///   - separator: what stands between them
    ///   - count: the most that are told
    ///   - bytes: how long the row may be
    /// - Returns: the row; its first text is cut if it is too long by itself
    package func list(
        separator: String = ", ", upTo count: Int = .max, bytes: Int = MessageLimit.bytes
    ) -> String {
        // What is said of those that have no room has at most 27 bytes.
        let room = bytes - 27 - separator.utf8.count
        var (row, shown) = ("", 0)
        for text in prefix(count) {
            if shown > 0, row.utf8.count + separator.utf8.count + text.utf8.count > room { break }
            row += shown == 0 ? text.cut(toBytes: room) : separator + text
            shown += 1
        }
        let rest = self.count - shown
        return rest == 0 ? row : "\(row)\(separator == ", " ? " " : separator)and \(rest) more"
    }
}
