/// An encoding in which UTF-8 is often misread.
///
/// Bytes without a character stand for the control character of the same number. Where `isLossy` is true, byte 1A stands
/// for the replacement character, by which a stricter program may have marked such a byte.
struct SingleByteEncoding: Sendable {
    let name: String
    let isLossy: Bool
    private let codes: [UInt32]
    private let bytes: [UInt32: UInt8]

    /// In the order in which they are tried.
    static let all = [latin1] + tabled

    private static let latin1 = SingleByteEncoding("latin-1", codes: Array(0x80...0xFF))
    private static let windows1252 = tabled[0]
    private static let tabled: [SingleByteEncoding] = {
        var encodings: [SingleByteEncoding] = []
        var (name, codes) = ("", [UInt32]())
        for word in table.split(whereSeparator: \.isWhitespace) {
            if name.isEmpty || codes.count == 128 {
                (name, codes) = (String(word), [])
            } else {
                codes.append(UInt32(word, radix: 16) ?? 0)
            }
            if codes.count == 128 { encodings.append(SingleByteEncoding(name, codes: codes)) }
        }
        return encodings
    }()

    private init(_ name: String, codes: [UInt32]) {
        (self.name, self.codes) = (name, codes)
        isLossy = name.hasPrefix("~")
        bytes = Dictionary(zip(codes, 0x80...0xFF)) { first, _ in first }
    }

    /// The bytes that read as a text, or nil if the encoding lacks one of its characters.
    func encode(_ text: Scalars) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        for scalar in text {
            if let byte = bytes[scalar.value] {
                result.append(byte)
            } else if scalar.isASCII, scalar != "\u{1A}" || !isLossy {
                result.append(UInt8(scalar.value))
            } else if scalar == "\u{FFFD}", isLossy {
                result.append(0x1A)
            } else {
                return nil
            }
        }
        return result
    }

    /// A text whose control characters 80 to 9F are read as Windows-1252, as browsers do.
    static func readingSecondControls(_ text: Scalars) -> Scalars {
        text.map { scalar in
            guard (0x80..<0xA0).contains(scalar.value) else { return scalar }
            return Unicode.Scalar(known: windows1252.codes[Int(scalar.value) - 0x80])
        }
    }
}
