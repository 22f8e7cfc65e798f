/// Writes blanks as a visible mark and cuts a text before each.
// Source: huggingface/tokenizers, src/pre_tokenizers/metaspace.rs at 3ba8ad0.
struct Metaspace: Sendable {
    /// Which parts of a text get a mark before them that have none.
    enum PrependScheme: String, Sendable {
        case always, never, first
    }

    /// The mark, U+2581 in published tokenizers.
    let replacement: UInt32
    let prependScheme: PrependScheme
    let splits: Bool

    private var mark: [UInt8] {
        var mark: [UInt8] = []
        mark.append(scalar: replacement)
        return mark
    }

    func split(_ piece: Piece) -> [Piece] {
        let mark = mark
        var text: [UInt8] = []
        text.reserveCapacity(piece.text.count + 16)
        let isFirst = prependScheme == .always || prependScheme == .first && piece.beginsText
        if isFirst, piece.text.first != 0x20, !piece.text.starts(with: mark) { text += mark }
        for byte in piece.text {
            if byte == 0x20 { text += mark } else { text.append(byte) }
        }
        let marked = Piece(text: text[...], token: nil, beginsText: piece.beginsText)
        guard splits else { return [marked] }
        var ranges: [Range<Int>] = []
        var start = 0
        var index = 0
        while index < text.count {
            let scalar = text.scalar(at: index)
            if scalar.value == replacement, index > start {
                ranges.append(start..<index)
                start = index
            }
            index += scalar.length
        }
        ranges.append(start..<text.count)
        return marked.split(ranges)
    }
}

extension Metaspace {
    init(_ fields: Fields) throws {
        try fields.allow("replacement", "prepend_scheme", "add_prefix_space", "split", "str_rep")
        let mark = try fields.string("replacement").unicodeScalars
        guard let scalar = mark.first, mark.count == 1 else {
            throw fields.invalid("replacement", "it is no character")
        }
        replacement = scalar.value
        let scheme = try fields.stringIfPresent("prepend_scheme") ?? "always"
        guard var prependScheme = PrependScheme(rawValue: scheme) else {
            throw fields.unsupported("prepend_scheme", scheme)
        }
        if try !fields.bool("add_prefix_space", default: true) {
            guard prependScheme == .never || fields["prepend_scheme"] == nil else {
                throw fields.invalid("add_prefix_space", "it contradicts prepend_scheme")
            }
            prependScheme = .never
        }
        self.prependScheme = prependScheme
        splits = try fields.bool("split", default: true)
    }
}
