/// Stage 2 of a tokenizer: cuts a text into words, over whose borders no token reaches.
// Source: huggingface/tokenizers, src/pre_tokenizers at 3ba8ad0.
indirect enum PreTokenizer: Sendable {
    case sequence([PreTokenizer])
    case split(Pattern, SplitBehavior, inverted: Bool)
    case byteLevel(addPrefixSpace: Bool, Pattern?)
    case metaspace(Metaspace)
    case whitespace
    case whitespaceSplit
    case punctuation(SplitBehavior)
    case digits(individual: Bool)

    /// - Throws: ``TokenizerError/patternTooSlow(_:)``
    func apply(to pieces: [Piece]) throws -> [Piece] {
        if case .sequence(let stages) = self { return try stages.reduce(pieces) { try $1.apply(to: $0) } }
        var result: [Piece] = []
        result.reserveCapacity(pieces.count)
        for piece in pieces {
            if piece.token != nil { result.append(piece) } else { result += try split(piece) }
        }
        return result
    }

    private func split(_ piece: Piece) throws -> [Piece] {
        switch self {
        case .sequence: return [piece]
        case .split(let pattern, let behavior, let inverted):
            var stretches = try pattern.stretches(of: piece.text)
            if inverted { stretches = stretches.map { .init(range: $0.range, isMatch: !$0.isMatch) } }
            return piece.split(behavior.ranges(stretches))
        case .byteLevel(let addPrefixSpace, let pattern):
            var piece = piece
            if addPrefixSpace, piece.text.first != 0x20 { piece.text.insert(0x20, at: piece.text.startIndex) }
            let words = try pattern.map { piece.split(try $0.stretches(of: piece.text).map(\.range)) } ?? [piece]
            return words.map { Piece(text: ByteLevel.encode($0.text)[...], token: nil, beginsText: $0.beginsText) }
        case .metaspace(let metaspace): return metaspace.split(piece)
        case .whitespace:
            return piece.split(
                Self.runs(of: piece.text) { scalar in
                    let properties = ScalarProperties(scalar)
                    return properties.isWord ? 1 : properties.isWhitespace ? 0 : 2
                })
        case .whitespaceSplit:
            return piece.split(Self.runs(of: piece.text) { ScalarProperties($0).isWhitespace ? 0 : 1 })
        case .punctuation(let behavior):
            return piece.split(behavior.ranges(Self.stretches(of: piece.text, isMatch: Self.isPunctuation)))
        case .digits(let individual):
            let stretches = Self.stretches(of: piece.text) { Unicode.Scalar($0)?.isNumber ?? false }
            return piece.split((individual ? SplitBehavior.isolated : .contiguous).ranges(stretches))
        }
    }

    /// The longest stretches whose scalars are all of one class; class 0 is dropped.
    private static func runs(of text: UTF8Text, _ classify: (UInt32) -> Int) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var start = text.startIndex
        var current = 0
        var index = text.startIndex
        while index < text.endIndex {
            let scalar = text.scalar(at: index)
            let kind = classify(scalar.value)
            if kind != current {
                if current != 0 { ranges.append(start..<index) }
                (start, current) = (index, kind)
            }
            index += scalar.length
        }
        if current != 0 { ranges.append(start..<index) }
        return ranges
    }

    /// The text cut at every scalar that matches.
    private static func stretches(of text: UTF8Text, isMatch: (UInt32) -> Bool) -> [Pattern.Stretch] {
        var stretches: [Pattern.Stretch] = []
        var start = text.startIndex
        var index = text.startIndex
        while index < text.endIndex {
            let scalar = text.scalar(at: index)
            let next = index + scalar.length
            if isMatch(scalar.value) {
                if start < index { stretches.append(.init(range: start..<index, isMatch: false)) }
                stretches.append(.init(range: index..<next, isMatch: true))
                start = next
            }
            index = next
        }
        if start < index { stretches.append(.init(range: start..<index, isMatch: false)) }
        return stretches
    }

    /// ASCII's punctuation and symbols; beyond it, punctuation as Unicode 8 has it.
    private static func isPunctuation(_ value: UInt32) -> Bool {
        let mask = ScalarProperties(value).categoryMask
        if value < 0x80 { return mask & (Category.punctuation | Category.symbols) != 0 }
        if value == 0x166D || value == 0x111C9 { return true }
        guard mask & Category.punctuation != 0, let age = Unicode.Scalar(value)?.properties.age else { return false }
        return age <= (8, 0)
    }
}

extension PreTokenizer {
    /// Reads `pre_tokenizer` of a `tokenizer.json`.
    init(_ fields: Fields) throws {
        let type = try fields.string("type")
        switch type {
        case "Sequence":
            try fields.allow("pretokenizers")
            self = .sequence(try fields.list("pretokenizers").map(PreTokenizer.init))
        case "Split":
            try fields.allow("pattern", "behavior", "invert")
            self = .split(
                try Pattern(fields.fields("pattern")), try SplitBehavior(fields, "behavior"),
                inverted: try fields.bool("invert"))
        case "ByteLevel":
            // Trimming concerns the offsets of tokens only, which nothing here reports.
            try fields.allow("add_prefix_space", "trim_offsets", "use_regex")
            let usesPattern = try fields.bool("use_regex", default: true)
            self = .byteLevel(
                addPrefixSpace: try fields.bool("add_prefix_space"),
                usesPattern ? try Pattern(regex: ByteLevel.pattern) : nil)
        case "Metaspace": self = .metaspace(try Metaspace(fields))
        case "Whitespace", "WhitespaceSplit":
            try fields.allow()
            self = type == "Whitespace" ? .whitespace : .whitespaceSplit
        case "Punctuation":
            try fields.allow("behavior")
            self = .punctuation(fields["behavior"] == nil ? .isolated : try SplitBehavior(fields, "behavior"))
        case "Digits":
            try fields.allow("individual_digits")
            self = .digits(individual: try fields.bool("individual_digits"))
        default: throw fields.unsupported("type", "the pre-tokenizer \(type)")
        }
    }
}

extension Unicode.Scalar {
    /// Whether Unicode 17 counts it among the numbers: Rust's `char::is_numeric`.
    fileprivate var isNumber: Bool {
        switch properties.generalCategory {
        case .decimalNumber, .letterNumber, .otherNumber: true
        default: false
        }
    }
}

extension SplitBehavior {
    init(_ fields: Fields, _ key: String) throws {
        let name = try fields.string(key)
        guard let behavior = SplitBehavior(rawValue: name) else {
            throw fields.unsupported(key, "the behavior \(name)")
        }
        self = behavior
    }
}
