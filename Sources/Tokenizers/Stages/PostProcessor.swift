internal import Files

/// Stage 4 of a tokenizer: what comes before and after the tokens of a text.
// Source: huggingface/tokenizers, src/processors at 3ba8ad0.
enum PostProcessor: Sendable {
    /// A part of the finished sequence.
    enum Part: Sendable, Equatable {
        case text
        case special([Int32])
    }

    case template([Part])
    /// Changes the offsets of tokens only, which nothing here reports.
    case none
    case sequence([PostProcessor])

    /// How many tokens are added to those of a text.
    var specialTokenCount: Int {
        switch self {
        case .template(let parts):
            parts.reduce(0) { count, part in
                guard case .special(let ids) = part else { return count }
                return count + ids.count
            }
        case .none: 0
        case .sequence(let stages): stages.reduce(0) { $0 + $1.specialTokenCount }
        }
    }

    /// - Parameters:
    ///   - ids: the text's tokens
    ///   - addSpecialTokens: whether the special tokens are wanted
    /// - Returns: the finished sequence
    func apply(to ids: [Int32], addSpecialTokens: Bool) -> [Int32] {
        switch self {
        case .template(let parts):
            parts.flatMap { part in
                switch part {
                case .text: ids
                case .special(let special): addSpecialTokens ? special : []
                }
            }
        case .none: ids
        case .sequence(let stages): stages.reduce(ids) { $1.apply(to: $0, addSpecialTokens: addSpecialTokens) }
        }
    }
}

extension PostProcessor {
    /// Reads `post_processor` of a `tokenizer.json`.
    init(_ fields: Fields) throws {
        let type = try fields.string("type")
        switch type {
        case "TemplateProcessing": self = .template(try Self.template(fields))
        case "RobertaProcessing", "BertProcessing":
            try fields.allow("sep", "cls", "trim_offsets", "add_prefix_space")
            self = .template([
                .special([try Self.pair(fields, "cls")]), .text, .special([try Self.pair(fields, "sep")]),
            ])
        case "ByteLevel":
            try fields.allow("add_prefix_space", "trim_offsets", "use_regex")
            self = .none
        case "Sequence":
            try fields.allow("processors")
            self = .sequence(try fields.list("processors").map(PostProcessor.init))
        default: throw fields.unsupported("type", "the post-processor \(type)")
        }
    }

    /// The number in `["</s>", 2]`.
    private static func pair(_ fields: Fields, _ key: String) throws -> Int32 {
        let pair = try fields.array(key)
        guard pair.count == 2, case .string = pair[0], case .integer(let number) = pair[1],
            let id = Int32(exactly: number), id >= 0
        else { throw fields.wrongType(key, "a token and its number") }
        return id
    }

    private static func template(_ fields: Fields) throws -> [Part] {
        try fields.allow("single", "pair", "special_tokens")
        let specials = try fields.fieldsIfPresent("special_tokens")
        return try fields.list("single").map { piece in
            if let sequence = try piece.fieldsIfPresent("Sequence") {
                guard try sequence.string("id") == "A" else { throw sequence.invalid("id", "there is one text only") }
                return .text
            }
            let name = try piece.fields("SpecialToken").string("id")
            guard let token = try specials?.fieldsIfPresent(name) else {
                throw TokenizerError.missing(file: fields.file, key: fields.name("special_tokens.\(name)"))
            }
            return .special(
                try token.array("ids").map { value in
                    guard case .integer(let number) = value, let id = Int32(exactly: number), id >= 0 else {
                        throw token.wrongType("ids", "a list of token numbers")
                    }
                    return id
                })
        }
    }
}
