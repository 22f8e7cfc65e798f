/// A short sequence of characters that is far more likely misread UTF-8 than meant.
struct MojibakeRule: Sendable {
    /// Letters with accents, which beside certain signs are suspicious.
    private static let accented: MojibakeCharacters = [.lowerAccented, .upperAccented]
    /// What suits no character that is nearly always mojibake.
    private static let sober: MojibakeCharacters = [
        .lowerAccented, .upperAccented, .box, .startPunctuation, .endPunctuation, .currency, .numeric, .law,
    ]
    private static let punctuation: MojibakeCharacters = [.startPunctuation, .endPunctuation]
    /// What follows Ø or Ù in misread Arabic.
    private static let arabic = Place.one(
        [.common, .currency, .bad, .numeric, .startPunctuation], or: "ŸŠ®°µ»")
    /// What stands between two capitals in twice misread Cyrillic or Greek.
    private static let between: MojibakeCharacters = [.c1, .bad, .startPunctuation, .endPunctuation, .currency]

    // Source: ftfy 6.3.1, badness.py.
    private static let all: [MojibakeRule] = [
        .init(.one(.c1)),
        .init(.one(sober.union(.bad)), .one(.bad)),
        .init(.latin, .one([.lowerCommon, .upperCommon]), .one(.bad)),
        .init(.one(.bad), .one(sober)),
        .init(
            .one([.lowerAccented, .lowerCommon, .box, .endPunctuation, .currency, .numeric]), .one(.upperAccented)),
        .init(.one([.box, .endPunctuation, .currency, .numeric]), .one(.lowerAccented)),
        .init(.one([.lowerAccented, .box, .endPunctuation]), .one(.currency)),
        .init(.whiteSpace, .one(.upperAccented), .one(.currency)),
        .init(.one([.upperAccented, .box]), .one([.numeric, .law])),
        .init(
            .one(accented.union([.box, .currency, .endPunctuation])), .one(.startPunctuation), .one(.numeric)),
        .init(
            .one(accented.union([.currency, .numeric, .box, .law])), .one(.endPunctuation), .one(.startPunctuation)),
        .init(.one([.currency, .numeric, .box]), .one(.startPunctuation)),
        .init(.lowerLatin, .one(.upperAccented), .one([.startPunctuation, .currency])),
        .init(.one(.box), .one(.kaomoji)),
        .init(.one(sober.subtracting(.box)), .one(.box)),
        .init(.one(.box), .one(.endPunctuation)),
        .init(.one(accented), .one(punctuation), .word),
        .init(.character("Œœ"), .notLatin),
        .init(.one(.upperAccented), .character("°")),
        .init(.character("ÂÃÎÐ"), .one(punctuation, or: "€œŠš¢£Ÿž\u{A0}\u{AD}®©°·»–—´")),
        .init(.character("×"), .character("²³")),
        .init(.character("ØÙ"), arabic, .character("ØÙ"), arabic),
        .init(.character("à"), .character("²µ¹¼½¾")),
        .init(.character("√"), .character("±∂†≠®™´≤≥¥µø")),
        .init(.character("≈"), .character("°¢")),
        .init(.character("‚"), .character("Ä"), .character("ìîïòôúùû†°¢π")),
        .init(.character("‚"), .character("âó"), .character("àä°ê")),
        .init(.character("в"), .character("Ђ")),
        .init(.character("ВГРС"), .one(between, or: "°µ"), .character("ВГРС")),
        .init(
            .character("Г"), .character("ў"), .character("В"), .character("Ђ"), .character("В"), .notLineEnd,
            .latinOrBlank),
        .init(.character("Ã"), .character("\u{A0}¡")),
        .init(.lowerLatin, .character("ÃÂ"), .character(" ")),
        .init(.lowerLatin, .whiteSpace, .character("ÃÂ"), .character(" ")),
        .init(.character("ÃÂ"), .character(" "), atStart: true),
        .init(.lowerLatinOr(".,?!"), .character("Â"), .one(punctuation, or: " ")),
        .init(.one(.endPunctuation), .character("Â"), .one(punctuation, or: " ")),
        .init(.character("β"), .character("€"), .character("™\u{A0}Ά\u{AD}®°")),
        .init(.character("ΒΓΞΟ"), .one(between, or: "°"), .character("ΒΓΞΟ")),
        .init(.character("ā"), .character("€")),
    ]

    private let places: [Place]
    private let isAtStart: Bool

    private init(_ places: Place..., atStart: Bool = false) { (self.places, isAtStart) = (places, atStart) }

    /// Whether a text has any of the sequences.
    static func matchesAny(in text: Scalars) -> Bool {
        let kinds = text.map(MojibakeCharacters.of)
        for start in text.indices {
            for rule in all where rule.matches(text, kinds, at: start) { return true }
        }
        return false
    }

    private func matches(_ text: Scalars, _ kinds: [MojibakeCharacters], at start: Int) -> Bool {
        guard start + places.count <= text.count, !isAtStart || start == 0 else { return false }
        return places.indices.allSatisfy { places[$0].matches(text[start + $0], kinds[start + $0]) }
    }

    /// What may stand at one place of the sequence.
    private enum Place {
        case one(MojibakeCharacters, or: String = "")
        case character(String)
        case lowerLatinOr(String)
        case latin, lowerLatin, latinOrBlank, notLatin, word, whiteSpace, notLineEnd

        func matches(_ scalar: Unicode.Scalar, _ kind: MojibakeCharacters) -> Bool {
            switch self {
            case .one(let kinds, let others):
                !kinds.isDisjoint(with: kind) || others.unicodeScalars.contains(scalar)
            case .character(let scalars): scalars.unicodeScalars.contains(scalar)
            case .latin: scalar.isLatinLetter
            case .lowerLatin: ("a"..."z").contains(scalar)
            case .lowerLatinOr(let others):
                ("a"..."z").contains(scalar) || others.unicodeScalars.contains(scalar)
            case .latinOrBlank: scalar.isLatinLetter || scalar == " "
            case .notLatin: !scalar.isLatinLetter
            case .word: scalar.isPartOfWord
            case .whiteSpace: scalar.isWhiteSpace
            case .notLineEnd: scalar != "\n"
            }
        }
    }
}

extension Unicode.Scalar {
    /// Whether it is a letter, a number or an underscore, as Python's regular expressions have it.
    fileprivate var isPartOfWord: Bool {
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
        default: properties.numericType != nil || self == "_"
        }
    }
}
