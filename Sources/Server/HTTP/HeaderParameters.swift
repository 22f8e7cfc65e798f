/// The value of a header and its parameters, such as `form-data; name="image"; filename="a.png"`.
///
/// It is read byte by byte; a text that is not UTF-8 is taken for Latin-1, which older clients write.
// Source: RFC 9110, 5.6.6; RFC 8187 for `filename*=UTF-8''a%20b`; RFC 2231, 3, for `filename*0="a"; filename*1="b"`.
struct HeaderParameters {
    /// What stands before the first semicolon.
    let value: String
    private var parameters: [String: [UInt8]] = [:]

    /// Reads a header's value.
    ///
    /// - Parameter header: without the header's name
    init(_ header: some Sequence<UInt8>) {
        var rest = Array(header)[...]
        value = String(header: rest.take { $0 != UInt8(ascii: ";") }.trimmed)
        while !rest.isEmpty {
            rest = rest.dropFirst()
            let name = rest.take { $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: ";") }.trimmed
            guard rest.first == UInt8(ascii: "=") else { continue }
            rest = rest.dropFirst().drop { $0.isBlank }
            let isQuoted = rest.first == UInt8(ascii: "\"")
            let text = isQuoted ? rest.takeQuoted() : Array(rest.take { $0 != UInt8(ascii: ";") }.trimmed)
            // The first one counts, so that a second cannot hide it.
            let key = String(header: name).lowercased()
            if parameters[key] == nil { parameters[key] = text }
            _ = rest.take { $0 != UInt8(ascii: ";") }
        }
    }

    /// A parameter, however it is written; nil if there is none of that name.
    ///
    /// - Parameter name: in small letters
    subscript(name: String) -> String? {
        if let plain = parameters[name] { return String(header: plain) }
        if let extended = parameters["\(name)*"] { return Self.text(extended[...]) }
        var pieces: [UInt8] = []
        var isExtended = false
        for number in 0... {
            if let plain = parameters["\(name)*\(number)"] {
                pieces += plain
            } else if let extended = parameters["\(name)*\(number)*"] {
                isExtended = isExtended || number == 0
                pieces += extended
            } else if number == 0 {
                return nil
            } else {
                break
            }
        }
        return isExtended ? Self.text(pieces[...]) : String(header: pieces)
    }

    /// What `UTF-8'en'a%20b` stands for.
    private static func text(_ extended: ArraySlice<UInt8>) -> String {
        let parts = extended.split(separator: UInt8(ascii: "'"), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else { return String(header: extended.percentDecoded) }
        let bytes = parts[2].percentDecoded
        return String(bytes: bytes, charset: String(header: parts[0])) ?? String(header: bytes)
    }
}

extension String {
    /// A part of a header: UTF-8, or else Latin-1.
    init(header bytes: some Collection<UInt8>) {
        self = String(validating: bytes, as: UTF8.self) ?? String(latin1: bytes)
    }

    /// The text of bytes in a named encoding; nil if they are no such text, or if that encoding is not read.
    ///
    /// - Parameters:
    ///   - bytes: the text
    ///   - charset: as a header names it; nil for UTF-8, which also reads ASCII
    init?(bytes: some Collection<UInt8>, charset: String?) {
        switch charset?.lowercased() {
        case nil, "", "utf-8", "utf8", "us-ascii", "ascii":
            guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
            self = text
        case "iso-8859-1", "iso8859-1", "latin1", "latin-1": self.init(latin1: bytes)
        default: return nil
        }
    }

    private init(latin1 bytes: some Collection<UInt8>) {
        self = ""
        for byte in bytes { unicodeScalars.append(Unicode.Scalar(byte)) }
    }
}

extension UInt8 {
    /// Whether it is a space or a tab.
    var isBlank: Bool { self == 0x20 || self == 0x09 }
}

extension ArraySlice<UInt8> {
    /// Without the blanks around it.
    var trimmed: ArraySlice<UInt8> {
        guard let first = firstIndex(where: { !$0.isBlank }), let last = lastIndex(where: { !$0.isBlank }) else {
            return []
        }
        return self[first...last]
    }

    /// With each `%41` as the byte that it stands for.
    var percentDecoded: [UInt8] {
        var decoded: [UInt8] = []
        var rest = self
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2).compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
            if byte == UInt8(ascii: "%"), digits.count == 2 {
                decoded.append(UInt8(digits[0] << 4 | digits[1]))
                rest = rest.dropFirst(2)
            } else {
                decoded.append(byte)
            }
        }
        return decoded
    }

    fileprivate mutating func take(while isWanted: (UInt8) -> Bool) -> ArraySlice<UInt8> {
        let taken = prefix(while: isWanted)
        self = self[taken.endIndex...]
        return taken
    }

    /// A text in quotation marks, with `\"` and `\\` for those characters.
    fileprivate mutating func takeQuoted() -> [UInt8] {
        var text: [UInt8] = []
        self = dropFirst()
        while let byte = popFirst(), byte != UInt8(ascii: "\"") {
            let isEscape = byte == UInt8(ascii: "\\") && (first == byte || first == UInt8(ascii: "\""))
            text.append(isEscape ? popFirst() ?? byte : byte)
        }
        return text
    }
}
