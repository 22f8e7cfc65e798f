internal import Files

/// Stage 3 of a tokenizer: the tokens of a word.
enum Model: Sendable {
    case bpe(BPE)
    case unigram(Unigram)

    var vocabulary: Vocabulary {
        switch self {
        case .bpe(let model): model.vocabulary
        case .unigram(let model): model.vocabulary
        }
    }

    /// How many tokens the model has, and with it the number of the first token added to it.
    var count: Int {
        switch self {
        case .bpe(let model): model.vocabulary.count
        case .unigram(let model): model.count
        }
    }

    /// The tokens of all pieces, in order.
    ///
    /// - Throws: ``TokenizerError/unknownToken(_:)``
    func encode(_ pieces: [Piece]) throws -> [Int32] {
        var tokens: [Int32] = []
        var queue = MergeQueue()
        for piece in pieces {
            if let token = piece.token {
                tokens.append(token)
                continue
            }
            switch self {
            case .bpe(let model): try model.encode(piece.text, into: &tokens, using: &queue)
            case .unigram(let model): try model.encode(piece.text, into: &tokens)
            }
        }
        return tokens
    }
}

extension Model {
    /// Reads `model` of a `tokenizer.json`.
    init(_ fields: Fields) throws {
        // Files from before the key `type` came tell the model by its keys.
        let type = try fields.stringIfPresent("type") ?? (fields["merges"] != nil ? "BPE" : "Unigram")
        switch type {
        case "BPE": self = .bpe(try BPE(fields))
        case "Unigram":
            try fields.allow("unk_id", "vocab", "byte_fallback")
            self = .unigram(
                try Unigram(
                    Unigram.pieces(fields), unknown: fields.integerIfPresent("unk_id"),
                    byteFallback: fields.bool("byte_fallback", default: false), file: fields.file))
        default: throw fields.unsupported("type", "the model \(type)")
        }
    }
}

extension Unigram {
    /// The pieces in `vocab` of a `tokenizer.json`, `[text, score]` each.
    static func pieces(_ fields: Fields) throws -> [(text: String, score: Double)] {
        try fields.array("vocab").enumerated().map { index, entry in
            guard case .array(let pair) = entry, pair.count == 2, case .string(let text) = pair[0] else {
                throw fields.wrongType("vocab[\(index)]", "a text and its score")
            }
            switch pair[1] {
            case .integer(let score): return (text, Double(score))
            case .number(let score): return (text, score)
            default: throw fields.wrongType("vocab[\(index)]", "a text and its score")
            }
        }
    }
}

extension BPE {
    fileprivate init(_ fields: Fields) throws {
        try fields.allow(
            "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback",
            "ignore_merges", "vocab", "merges")
        switch fields["dropout"] {
        case nil, .integer(0), .number(0): break
        default: throw fields.unsupported("dropout", "random merges")
        }
        let options = Options(
            unknownToken: try fields.stringIfPresent("unk_token"),
            continuingSubwordPrefix: try fields.stringIfPresent("continuing_subword_prefix") ?? "",
            endOfWordSuffix: try fields.stringIfPresent("end_of_word_suffix") ?? "",
            fusesUnknown: try fields.bool("fuse_unk", default: false),
            byteFallback: try fields.bool("byte_fallback", default: false),
            ignoresMerges: try fields.bool("ignore_merges", default: false))
        try self.init(
            Vocabulary(fields, "vocab"), merges: Self.merges(fields), options,
            source: (fields.file, fields.name("merges")))
    }

    /// `merges`, each a list of two tokens or the two with a blank between.
    static func merges(_ fields: Fields) throws -> [(left: String, right: String)] {
        try fields.array("merges").enumerated().compactMap { index, merge in
            switch merge {
            case .array(let pair):
                guard pair.count == 2, case .string(let left) = pair[0], case .string(let right) = pair[1] else {
                    throw fields.wrongType("merges[\(index)]", "a pair of tokens")
                }
                return (left, right)
            case .string(let line):
                if line.utf8.starts(with: "#version".utf8) { return nil }
                guard let pair = Self.pair(line) else { throw fields.wrongType("merges[\(index)]", "a pair of tokens") }
                return pair
            default: throw fields.wrongType("merges[\(index)]", "a pair of tokens")
            }
        }
    }

    /// Two tokens with one blank between them; nil if the line is anything else.
    static func pair(_ line: some StringProtocol) -> (left: String, right: String)? {
        let utf8 = line.utf8
        guard let blank = utf8.firstIndex(of: 0x20) else { return nil }
        let right = utf8[utf8.index(after: blank)...]
        guard !right.contains(0x20) else { return nil }
        return (String(decoding: utf8[..<blank], as: UTF8.self), String(decoding: right, as: UTF8.self))
    }
}

extension Vocabulary {
    /// Reads an object of tokens and their numbers.
    init(_ fields: Fields, _ key: String) throws {
        guard case .object(let members) = try fields.required(key) else { throw fields.wrongType(key, "an object") }
        try self.init(members, file: fields.file, path: fields.name(key))
    }

    init(_ members: [JSON.Member], file: String, path: String) throws {
        self.init(capacity: members.count)
        for member in members {
            let key = "\(path)[\"\(member.key)\"]"
            guard case .integer(let number) = member.value else {
                throw TokenizerError.wrongType(file: file, key: key, expected: "a whole number")
            }
            guard let id = Int32(exactly: number), id >= 0 else {
                throw TokenizerError.invalid(file: file, key: key, reason: "\(number) is not a token's number")
            }
            insert(member.key.utf8, id: id)
        }
    }
}
