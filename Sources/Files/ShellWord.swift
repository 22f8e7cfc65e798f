extension String {
    /// The text as one word of a POSIX shell, on one line and without anything that a terminal obeys; nil if the text holds
    /// NUL, which no word can.
    ///
    /// A plain text stays as it is. What is only special to shells goes between apostrophes. Line breaks and other
    /// commands to terminals are made by `printf`, byte by byte, since `$'…'` is not known to every shell; line breaks at the
    /// end, which a shell would cut off there, are the one thing that takes lines of its own.
    package var shellWord: String? {
        guard !utf8.contains(0) else { return nil }
        let plain = utf8.first == UInt8(ascii: "=") ? 0 : utf8.prefix(while: Self.isPlain).count
        if plain == utf8.count, !isEmpty { return self }
        guard unicodeScalars.contains(where: \.isCommand) else {
            return "'\(unicodeScalars.map { $0 == "'" ? "'\\''" : String($0) }.joined())'"
        }
        let first = String(decoding: utf8.prefix(plain), as: UTF8.self)
        let rest = Substring(utf8.dropFirst(plain)).unicodeScalars
        let ends = rest.reversed().prefix { $0 == "\n" }.count
        let format = rest.dropLast(ends).map(Self.printfFormat).joined()
        return first + (format.isEmpty ? "" : "\"$(printf '\(format)')\"")
            + (ends == 0 ? "" : "'\(String(repeating: "\n", count: ends))'")
    }

    /// Whether every shell takes a byte as it is, wherever in a word it stands.
    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "-_=./:,".utf8.contains(byte)
        }
    }

    /// A scalar as it stands in a format of `printf` between apostrophes, within quotation marks.
    private static func printfFormat(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\n": "\\n"
        case "\t": "\\t"
        case "\\": "\\\\"
        case "%": "%%"
        // Within quotation marks an interactive shell looks for earlier commands.
        case "'", "!": octal(scalar)
        default: scalar.isCommand ? octal(scalar) : String(scalar)
        }
    }

    private static func octal(_ scalar: Unicode.Scalar) -> String {
        String(scalar).utf8.map { byte in
            let digits = String(byte, radix: 8)
            return "\\" + String(repeating: "0", count: 3 - digits.utf8.count) + digits
        }.joined()
    }
}
