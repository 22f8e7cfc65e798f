/// What patterns and splitters ask about a scalar, packed in 16 bits.
///
/// Swift's standard library knows Unicode 17. The reference's regular expressions (Oniguruma 6.9.10, the Rust crate
/// `regex`) know Unicode 16, so what came later counts as unassigned here.
// Source: huggingface/tokenizers 0.23, compared for every scalar through its Python binding.
struct ScalarProperties {
    private static let whitespace: UInt16 = 1 << 5
    private static let alphabetic: UInt16 = 1 << 6
    private static let joinControl: UInt16 = 1 << 7
    private static let latest: Unicode.Version = (16, 0)

    private let bits: UInt16

    /// The general category, 0 to 29 in the order of ``Category``.
    @inline(__always) var category: Category { Category(rawValue: UInt8(bits & 0x1F)) ?? .unassigned }
    @inline(__always) var categoryMask: UInt32 { 1 << UInt32(bits & 0x1F) }
    @inline(__always) var isWhitespace: Bool { bits & Self.whitespace != 0 }

    /// `\w` of the Rust crate `regex`.
    var isWord: Bool {
        bits & (Self.alphabetic | Self.joinControl) != 0 || categoryMask & Category.wordExtras != 0
    }

    /// `\w` of Oniguruma: without the joiners, with the six numbers of Latin-1.
    func isOnigurumaWord(_ scalar: UInt32) -> Bool {
        bits & Self.alphabetic != 0 || categoryMask & Category.wordExtras != 0
            || scalar < 0x100 && category == .otherNumber
    }

    @inline(__always)
    init(_ scalar: UInt32) {
        if scalar < 0x3100 {
            bits = Self.table[Int(scalar)]
        } else if scalar >= 0x4E00 && scalar <= 0x9FFF || scalar >= 0xAC00 && scalar <= 0xD7A3 {
            bits = UInt16(Category.otherLetter.rawValue) | Self.alphabetic
        } else {
            bits = Self.lookUp(scalar)
        }
    }

    private static let table: [UInt16] = (0..<0x3100).map(lookUp)

    private static func lookUp(_ value: UInt32) -> UInt16 {
        guard let scalar = Unicode.Scalar(value) else { return UInt16(Category.unassigned.rawValue) }
        let properties = scalar.properties
        guard let age = properties.age, age <= latest else { return UInt16(Category.unassigned.rawValue) }
        return UInt16(Category(properties.generalCategory).rawValue)
            | (properties.isWhitespace ? whitespace : 0)
            | (properties.isAlphabetic ? alphabetic : 0)
            | (properties.isJoinControl ? joinControl : 0)
    }
}
