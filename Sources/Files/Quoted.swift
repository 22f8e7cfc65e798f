extension String {
    /// The text in quotation marks for a message: what a terminal would obey escaped, cut after 120 scalars.
    package var quoted: String {
        let shown = String(String.UnicodeScalarView(unicodeScalars.prefix(120)))
        let isCut = unicodeScalars.dropFirst(120).first != nil
        return "\"\(shown.onOneLine)\(isCut ? "…" : "")\""
    }
}

extension [String] {
    /// The first eight texts, quoted, and how many more there are.
    package var quotedList: String {
        lazy.map(\.quoted).list(upTo: MessageLimit.items)
    }
}
