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

/// The general categories of Unicode, by the short names that regular expressions use.
enum Category: UInt8 {
    case uppercaseLetter, lowercaseLetter, titlecaseLetter, modifierLetter, otherLetter
    case nonspacingMark, spacingMark, enclosingMark
    case decimalNumber, letterNumber, otherNumber
    case connectorPunctuation, dashPunctuation, openPunctuation, closePunctuation
    case initialPunctuation, finalPunctuation, otherPunctuation
    case mathSymbol, currencySymbol, modifierSymbol, otherSymbol
    case spaceSeparator, lineSeparator, paragraphSeparator
    case control, format, surrogate, privateUse, unassigned

    static let letters: UInt32 = 0b11111
    static let marks: UInt32 = 0b111 << 5
    static let numbers: UInt32 = 0b111 << 8
    static let punctuation: UInt32 = 0b111_1111 << 11
    static let symbols: UInt32 = 0b1111 << 18
    static let separators: UInt32 = 0b111 << 22
    static let others: UInt32 = 0b11111 << 25
    static let wordExtras: UInt32 = marks | decimalNumber.mask | connectorPunctuation.mask

    var mask: UInt32 { 1 << UInt32(rawValue) }

    /// The categories a name stands for, one bit each; nil if it is no general category.
    static func mask(named name: String) -> UInt32? {
        let groups = [
            "L": letters, "M": marks, "N": numbers, "P": punctuation, "S": symbols, "Z": separators, "C": others,
        ]
        if let group = groups[name] { return group }
        let names = [
            "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po",
            "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn",
        ]
        return names.firstIndex(of: name).map { 1 << UInt32($0) }
    }

    init(_ category: Unicode.GeneralCategory) {
        self =
            switch category {
            case .uppercaseLetter: .uppercaseLetter
            case .lowercaseLetter: .lowercaseLetter
            case .titlecaseLetter: .titlecaseLetter
            case .modifierLetter: .modifierLetter
            case .otherLetter: .otherLetter
            case .nonspacingMark: .nonspacingMark
            case .spacingMark: .spacingMark
            case .enclosingMark: .enclosingMark
            case .decimalNumber: .decimalNumber
            case .letterNumber: .letterNumber
            case .otherNumber: .otherNumber
            case .connectorPunctuation: .connectorPunctuation
            case .dashPunctuation: .dashPunctuation
            case .openPunctuation: .openPunctuation
            case .closePunctuation: .closePunctuation
            case .initialPunctuation: .initialPunctuation
            case .finalPunctuation: .finalPunctuation
            case .otherPunctuation: .otherPunctuation
            case .mathSymbol: .mathSymbol
            case .currencySymbol: .currencySymbol
            case .modifierSymbol: .modifierSymbol
            case .otherSymbol: .otherSymbol
            case .spaceSeparator: .spaceSeparator
            case .lineSeparator: .lineSeparator
            case .paragraphSeparator: .paragraphSeparator
            case .control: .control
            case .format: .format
            case .surrogate: .surrogate
            case .privateUse: .privateUse
            case .unassigned: .unassigned
            @unknown default: .unassigned
            }
    }
}
