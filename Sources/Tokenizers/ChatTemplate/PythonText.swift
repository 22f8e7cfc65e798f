extension Unicode.Scalar {
    /// Whether Python strips it from the ends of a text: white space, and four control characters.
    var isPythonBlank: Bool { properties.isWhitespace || (0x1C...0x1F).contains(value) }
}

/// What Python's methods of strings do, scalar by scalar.
enum PythonText {
    /// An end of a text, or both.
    enum Ends {
        case start, end, both
    }

    /// - Parameters:
    ///   - text: any text
    ///   - ends: where it loses scalars
    ///   - characters: which ones; nil for blanks
    /// - Returns: the rest
    static func stripped(_ text: String, _ ends: Ends = .both, of characters: String? = nil) -> String {
        let set = characters.map { Set($0.unicodeScalars) }
        func goes(_ scalar: Unicode.Scalar) -> Bool { set?.contains(scalar) ?? scalar.isPythonBlank }
        var rest = text.unicodeScalars[...]
        if ends != .end { rest = rest.drop(while: goes) }
        if ends != .start {
            let kept = rest.lastIndex { !goes($0) }.map { rest.index(after: $0) } ?? rest.startIndex
            rest = rest[..<kept]
        }
        return String(rest)
    }

    /// - Parameters:
    ///   - text: any text
    ///   - separator: what stands between the parts; nil for runs of blanks
    ///   - count: how many cuts at most; nil for all
    /// - Returns: the parts
    static func split(_ text: String, at separator: String?, atMost count: Int? = nil) -> [String] {
        let limit = count.flatMap { $0 < 0 ? nil : $0 } ?? .max
        guard let separator else {
            return text.unicodeScalars.drop(while: \.isPythonBlank)
                .split(maxSplits: limit, omittingEmptySubsequences: true, whereSeparator: \.isPythonBlank)
                .map { stripped(String($0), .start) }.filter { !$0.isEmpty }
        }
        var parts: [String] = []
        var rest = Array(text.utf8)[...]
        while parts.count < limit, let match = first(separator, in: rest) {
            parts.append(rest[..<match.lowerBound].text)
            rest = rest[match.upperBound...]
        }
        return parts + [rest.text]
    }

    /// - Returns: whether the text has the part in it
    static func contains(_ text: String, _ part: String) -> Bool { first(part, in: Array(text.utf8)[...]) != nil }

    /// Where a part begins and ends; nil if it is nowhere.
    private static func first(_ part: String, in text: ArraySlice<UInt8>) -> Range<Int>? {
        let part = Array(part.utf8)
        guard let first = part.first else { return text.startIndex..<text.startIndex }
        var start = text.startIndex
        while start + part.count <= text.endIndex {
            if text[start] == first, text[start..<start + part.count].elementsEqual(part) {
                return start..<start + part.count
            }
            start += 1
        }
        return nil
    }
}
