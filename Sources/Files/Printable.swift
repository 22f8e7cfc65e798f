extension Unicode.Scalar {
    /// Whether a terminal obeys it instead of showing it: control characters, ends of lines and of paragraphs, and what
    /// turns the direction of a text around.
    package var isCommand: Bool {
        switch value {
        case 0x20..<0x7F: false
        case 0x61C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: properties.generalCategory == .control
        }
    }
}

extension String {
    /// The text as a terminal may have it, whoever wrote it: line breaks and tabs are kept, every other scalar that a
    /// terminal would obey is shown as `\u{1B}`.
    package var printable: String { escaped { $0.isCommand && $0 != "\n" && $0 != "\t" } }

    /// The text on one line: line breaks and tabs are shown as `\n` and `\t` too.
    package var onOneLine: String { escaped(\.isCommand) }

    private func escaped(_ isToEscape: (Unicode.Scalar) -> Bool) -> String {
        guard unicodeScalars.contains(where: isToEscape) else { return self }
        var shown = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            if isToEscape(scalar) {
                shown.append(contentsOf: scalar.shown.unicodeScalars)
            } else {
                shown.append(scalar)
            }
        }
        return String(shown)
    }
}

extension Unicode.Scalar {
    /// `\n`, `\r`, `\t`, or the number.
    fileprivate var shown: String {
        switch self {
        case "\n": "\\n"
        case "\r": "\\r"
        case "\t": "\\t"
        default: "\\u{\(String(value, radix: 16, uppercase: true))}"
        }
    }
}
