extension String {
    /// The text in quotation marks for a message: control characters escaped, cut after 120 characters.
    package var quoted: String {
        let shown = unicodeScalars.prefix(120).map { $0.value < 0x20 ? $0.escaped(asASCII: true) : String($0) }
        let isCut = unicodeScalars.dropFirst(120).first != nil
        return "\"\(shown.joined())\(isCut ? "…" : "")\""
    }
}

extension [String] {
    /// The first eight texts, quoted, and how many more there are.
    package var quotedList: String {
        let shown = prefix(8).map(\.quoted).joined(separator: ", ")
        return count > 8 ? "\(shown) and \(count - 8) more" : shown
    }
}
