internal import Tokenizers

/// Replaces single characters that hardly anybody types on purpose.
// Source: ftfy 6.3.1, fixes.py and chardata.py.
enum CharacterRepair {
    private static let ligatures: [Unicode.Scalar: String] = [
        "Ĳ": "IJ", "ĳ": "ij", "ŉ": "ʼn", "Ǳ": "DZ", "ǲ": "Dz", "ǳ": "dz", "Ǆ": "DŽ", "ǅ": "Dž", "ǆ": "dž", "Ǉ": "LJ",
        "ǈ": "Lj", "ǉ": "lj", "Ǌ": "NJ", "ǋ": "Nj", "ǌ": "nj", "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl",
        "ﬅ": "ſt", "ﬆ": "st",
    ]

    /// Full-width and half-width forms with what they stand for.
    private static let widths: [Unicode.Scalar: Scalars] = {
        var widths: [Unicode.Scalar: Scalars] = ["\u{3000}": [" "]]
        for code in UInt32(0xFF01)..<0xFFF0 {
            let scalar = Unicode.Scalar(known: code)
            let standard = Scalars(UnicodeForm.nfkc(String(scalar)).unicodeScalars)
            if standard != [scalar] { widths[scalar] = standard }
        }
        return widths
    }()

    /// Replaces, in this order: second controls, ligatures, widths, quotes, line ends, escapes, control characters.
    static func repair(_ text: Scalars) -> Scalars {
        var result: Scalars = []
        result.reserveCapacity(text.count)
        for scalar in SingleByteEncoding.readingSecondControls(text) {
            if scalar.isASCII {
                result.append(scalar)
            } else if let letters = ligatures[scalar] {
                // The apostrophe among the letters of ŉ is a curly quote itself.
                result += letters.unicodeScalars.map(straightened)
            } else if let standard = widths[scalar] {
                result += standard.map(straightened)
            } else {
                result.append(straightened(scalar))
            }
        }
        return withoutTerminalEscapes(withUnixLineEnds(result)).filter { !isControl($0) }
    }

    /// A straight quote for a curly one.
    private static func straightened(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        switch scalar.value {
        case 0x2BC, 0x2018...0x201B: "'"
        case 0x201C...0x201F: "\""
        default: scalar
        }
    }

    private static func withUnixLineEnds(_ text: Scalars) -> Scalars {
        var result: Scalars = []
        result.reserveCapacity(text.count)
        for (index, scalar) in text.enumerated() {
            switch scalar.value {
            case 0x0D: if index + 1 == text.count || text[index + 1] != "\n" { result.append("\n") }
            case 0x85, 0x2028, 0x2029: result.append("\n")
            default: result.append(scalar)
            }
        }
        return result
    }

    /// Removes what colours text on a terminal: escape, bracket, numbers, letter.
    private static func withoutTerminalEscapes(_ text: Scalars) -> Scalars {
        guard text.contains("\u{1B}") else { return text }
        var result: Scalars = []
        var index = 0
        while index < text.count {
            if text[index] == "\u{1B}", index + 1 < text.count, text[index + 1] == "[" {
                var end = index + 2
                while end < text.count, text[end] == ";" || text[end].properties.generalCategory == .decimalNumber {
                    end += 1
                }
                if end < text.count, text[end].isLatinLetter {
                    index = end + 1
                    continue
                }
            }
            result.append(text[index])
            index += 1
        }
        return result
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x00...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x206A...0x206F, 0xFEFF, 0xFFF9...0xFFFC: true
        default: false
        }
    }
}

extension Unicode.Scalar {
    /// Whether it is one of A to Z or a to z.
    var isLatinLetter: Bool { ("a"..."z").contains(self) || ("A"..."Z").contains(self) }
}
