/// A numeric reference such as `#233;` or `#xE9;`, as it follows an ampersand.
struct CharacterNumber {
    /// How many scalars it takes, with the semicolon if it has one.
    let length: Int
    /// The number, or one past the last code point if it is greater.
    private let code: UInt32

    private static let end: UInt32 = 0x110000

    /// Reads the reference at the start of a text, or nothing if there is none.
    init?(_ text: Scalars.SubSequence) {
        guard text.first == "#" else { return nil }
        let mark = text.dropFirst().first
        let isHexadecimal = mark == "x" || mark == "X"
        let digits = text.dropFirst(isHexadecimal ? 2 : 1)
            .prefix { $0.isDigit || isHexadecimal && $0.isHexadecimalDigit }
        if digits.isEmpty { return nil }
        let radix: UInt32 = isHexadecimal ? 16 : 10
        var code: UInt32 = 0
        for digit in digits {
            code = min(Self.end, code * radix + (Character(digit).hexDigitValue.map(UInt32.init) ?? 0))
        }
        let count = digits.count + (isHexadecimal ? 2 : 1)
        (self.code, length) = (code, count + (text.dropFirst(count).first == ";" ? 1 : 0))
    }

    /// What a browser shows for it; nothing for most control characters.
    // Source: Python 3.11, html/__init__.py.
    var browserText: Scalars {
        switch code {
        case 0x80..<0xA0: SingleByteEncoding.readingSecondControls([Unicode.Scalar(known: code)])
        case 0x0D: ["\r"]
        case 0, 0xD800...0xDFFF, Self.end: ["\u{FFFD}"]
        case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0xFDD0...0xFDEF: []
        case _ where code & 0xFFFE == 0xFFFE: []
        default: [Unicode.Scalar(known: code)]
        }
    }
}

extension Unicode.Scalar {
    /// Whether it is one of 0 to 9, a to f or A to F.
    var isHexadecimalDigit: Bool { isDigit || ("a"..."f").contains(self) || ("A"..."F").contains(self) }
}
