/// Base64 as clients write it: in lines, with or without padding, in the alphabet of RFC 4648 or its one for URLs.
struct Base64Text {
    private let text: ArraySlice<UInt8>

    /// - Parameter text: the characters, not yet checked
    init(_ text: ArraySlice<UInt8>) { self.text = text }

    /// The bytes that it stands for; nil if it is no base64.
    var bytes: [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3 + 3)
        var (bits, digits, padding): (UInt32, Int, Int) = (0, 0, 0)
        for byte in text {
            if byte.isBlank || byte == 0x0A || byte == 0x0D { continue }
            if byte == UInt8(ascii: "=") {
                padding += 1
                continue
            }
            guard padding == 0, let digit = Self.digit(byte) else { return nil }
            (bits, digits) = (bits << 6 | digit, digits + 1)
            guard digits == 4 else { continue }
            bytes += [UInt8(bits >> 16 & 0xFF), UInt8(bits >> 8 & 0xFF), UInt8(bits & 0xFF)]
            (bits, digits) = (0, 0)
        }
        guard digits != 1, padding <= 2 else { return nil }
        if digits > 1 { bytes.append(UInt8((digits == 2 ? bits >> 4 : bits >> 10) & 0xFF)) }
        if digits == 3 { bytes.append(UInt8(bits >> 2 & 0xFF)) }
        return bytes
    }

    private static func digit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"), UInt8(ascii: "-"): 62
        case UInt8(ascii: "/"), UInt8(ascii: "_"): 63
        default: nil
        }
    }
}

/// A URL that holds its data: `data:image/png;base64,iVBORw0`.
// Source: RFC 2397; neither the scheme nor `base64` knows case.
struct DataURL {
    /// What it holds; nil where that is not base64.
    let base64: Base64Text?

    /// - Parameter text: in UTF-8; nil for any other text
    init?(_ text: [UInt8]) {
        let start = text.firstIndex { $0 > 0x20 } ?? 0
        guard String(decoding: text[start...].prefix(5), as: UTF8.self).lowercased() == "data:" else { return nil }
        guard let comma = text.firstIndex(of: UInt8(ascii: ",")) else {
            base64 = nil
            return
        }
        let isBase64 = String(decoding: text[start..<comma].suffix(7), as: UTF8.self).lowercased() == ";base64"
        let content = text[(comma + 1)...]
        let isEscaped = content.contains(UInt8(ascii: "%"))
        base64 = isBase64 ? Base64Text(isEscaped ? content.percentDecoded[...] : content) : nil
    }
}
