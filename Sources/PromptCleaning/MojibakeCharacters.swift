/// What a character may be when UTF-8 is misread.
struct MojibakeCharacters: OptionSet, Sendable {
    let rawValue: UInt32

    static let common = Self(rawValue: 1 << 0)
    static let c1 = Self(rawValue: 1 << 1)
    static let bad = Self(rawValue: 1 << 2)
    static let law = Self(rawValue: 1 << 3)
    static let currency = Self(rawValue: 1 << 4)
    static let startPunctuation = Self(rawValue: 1 << 5)
    static let endPunctuation = Self(rawValue: 1 << 6)
    static let numeric = Self(rawValue: 1 << 7)
    static let kaomoji = Self(rawValue: 1 << 8)
    static let upperAccented = Self(rawValue: 1 << 9)
    static let lowerAccented = Self(rawValue: 1 << 10)
    static let upperCommon = Self(rawValue: 1 << 11)
    static let lowerCommon = Self(rawValue: 1 << 12)
    static let box = Self(rawValue: 1 << 13)
    /// Reads as the first byte of a character of two, three or four bytes.
    static let firstOfTwo = Self(rawValue: 1 << 14)
    static let firstOfThree = Self(rawValue: 1 << 15)
    static let firstOfFour = Self(rawValue: 1 << 16)
    /// Reads as a later byte; the strict ones hardly stand for themselves beside mojibake.
    static let continuation = Self(rawValue: 1 << 17)
    static let strictContinuation = Self(rawValue: 1 << 18)

    private static let names: [String: Self] = [
        "common": .common, "c1": .c1, "bad": .bad, "law": .law, "currency": .currency,
        "startPunctuation": .startPunctuation, "endPunctuation": .endPunctuation, "numeric": .numeric,
        "kaomoji": .kaomoji, "upperAccented": .upperAccented, "lowerAccented": .lowerAccented,
        "upperCommon": .upperCommon, "lowerCommon": .lowerCommon, "box": .box, "firstOfTwo": .firstOfTwo,
        "firstOfThree": .firstOfThree, "firstOfFour": .firstOfFour, "continuation": .continuation,
        "strictContinuation": .strictContinuation,
    ]

    private static let ofScalar: [UInt32: Self] = {
        var ofScalar: [UInt32: Self] = [:]
        var category: Self = []
        for word in table.split(whereSeparator: \.isWhitespace) {
            if let named = names[String(word)] {
                category = named
                continue
            }
            let ends = word.split(separator: "-").compactMap { UInt32($0, radix: 16) }
            guard let first = ends.first, let last = ends.last else { continue }
            for code in first...last { ofScalar[code, default: []].insert(category) }
        }
        return ofScalar
    }()

    /// All that a character may be.
    static func of(_ scalar: Unicode.Scalar) -> Self { ofScalar[scalar.value] ?? [] }
}
