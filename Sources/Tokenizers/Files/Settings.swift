internal import Files

/// A special token as the files give it: bare text, or text with flags.
enum NamedToken: Sendable, Equatable {
    case text(String)
    case token(AddedToken)

    var content: String {
        switch self {
        case .text(let text): text
        case .token(let token): token.content
        }
    }

    var exactContent: ExactText { ExactText(content) }

    static func == (one: NamedToken, other: NamedToken) -> Bool {
        switch (one, other) {
        case (.text(let text), .text(let other)): ExactText(text) == ExactText(other)
        case (.token(let token), .token(let other)): token == other
        default: false
        }
    }

    init(_ value: JSON, file: String, key: String, special: Bool? = nil) throws {
        if case .string(let text) = value {
            self = .text(text)
        } else {
            self = .token(try AddedToken(Fields(value, file: file, path: key), special: special))
        }
    }
}

/// What the files beside `tokenizer.json` say about a tokenizer, merged.
// Source: huggingface/transformers 5.23.0, tokenization_utils_base.py, `from_pretrained`, `_from_pretrained`, `__init__`.
struct Settings: Sendable {
    /// Tokens with a role, null where a file says there is none.
    private(set) var named: [(key: String, token: NamedToken?)] = []
    /// The tokens without a role that the reference adds after the others of their kind.
    private(set) var lastKeys: Set<String> = []
    /// `extra_special_tokens`, which wins over ``additionalSpecialTokens``; nil if no file has it.
    private(set) var extraSpecialTokens: [NamedToken]?
    /// `additional_special_tokens` of `special_tokens_map.json`.
    private(set) var additionalSpecialTokens: [NamedToken]?
    /// Tokens the files want added, by the number they had.
    private(set) var addedTokens: [(id: Int, token: AddedToken)] = []
    private(set) var className: String?
    private(set) var paddingSide = Tokenizer.Side.right
    private(set) var truncationSide = Tokenizer.Side.right
    private(set) var modelMaxLength: Int?
    private(set) var tidiesDecodedText = false
    private(set) var splitsSpecialTokens = false
    private(set) var addsPrefixSpace = false
    private(set) var extraIDCount = 100

    /// A greater `model_max_length` means that there is no limit; files without one write 10 to the 30th.
    private static let longestLength = 1 << 24

    static let roles = Tokenizer.Role.allCases.map(\.rawValue)

    /// - Throws: ``TokenizerError``
    init(_ files: TokenizerFolder) throws {
        let config = try files.fieldsIfPresent("tokenizer_config.json")
        let tokenizer = files.tokenizer
        if let config { try read(config) }
        try readSides(config, tokenizer)
        if let decoder = try config?.fieldsIfPresent("added_tokens_decoder") {
            for member in decoder.members {
                guard let id = Int(member.key) else { throw decoder.invalid(member.key, "it is no number") }
                let fields = try Fields(member.value, file: decoder.file, path: decoder.name(member.key))
                addedTokens.append((id, try AddedToken(fields)))
            }
        } else {
            if let map = try files.fieldsIfPresent("special_tokens_map.json") { try readMap(map) }
            if let added = try files.fieldsIfPresent("added_tokens.json") { try readAdded(added) }
            for token in try tokenizer?["added_tokens"].map({ _ in try tokenizer?.list("added_tokens") ?? [] }) ?? [] {
                addedTokens.append((Int(try token.token("id")), try AddedToken(token)))
            }
            keepLastOfEachNumber()
        }
        for (index, entry) in named.enumerated() where Self.roles.contains(entry.key) {
            guard let known = addedTokens.last(where: { $0.token.exactContent == entry.token?.exactContent }) else {
                continue
            }
            named[index].token = .token(known.token)
        }
    }

    private mutating func keepLastOfEachNumber() {
        var seen: Set<Int> = []
        addedTokens = addedTokens.reversed().filter { seen.insert($0.id).inserted }.reversed()
    }

    private mutating func set(_ key: String, _ token: NamedToken?) {
        if let index = named.firstIndex(where: { $0.key == key }) {
            named[index].token = token
        } else {
            named.append((key, token))
        }
    }

    private mutating func read(_ config: Fields) throws {
        for member in config.members {
            let isRole = Self.roles.contains(member.key)
            guard isRole || member.key.hasSuffix("_token") else { continue }
            switch member.value {
            case .null where isRole: set(member.key, nil)
            case .string, .object:
                set(member.key, try NamedToken(member.value, file: config.file, key: member.key))
                if case .string = member.value { lastKeys.insert(member.key) }
            default: if isRole { throw config.wrongType(member.key, "a token") }
            }
        }
        let extraKey = ["extra_special_tokens", "additional_special_tokens"].first { key in
            switch config[key] {
            case nil, .array([]), .object([]): false
            default: true
            }
        }
        if let extraKey { try readExtra(config, extraKey) }
        className = try config.stringIfPresent("tokenizer_class")
        if case .integer(let length) = config["model_max_length"] ?? config["max_len"], length <= Self.longestLength {
            modelMaxLength = length
        }
        tidiesDecodedText = try config.bool("clean_up_tokenization_spaces", default: false)
        splitsSpecialTokens = try config.bool("split_special_tokens", default: false)
        addsPrefixSpace = try config.bool("add_prefix_space", default: false)
        extraIDCount = try config.integerIfPresent("extra_ids") ?? 100
        guard (0...100_000).contains(extraIDCount) else {
            throw config.invalid("extra_ids", "\(extraIDCount) is out of range")
        }
        if let length = modelMaxLength, length < 0 { throw config.invalid("model_max_length", "\(length) is negative") }
    }

    private mutating func readExtra(_ fields: Fields, _ key: String) throws {
        if case .object(let members) = fields[key] {
            for member in members {
                set(member.key, try NamedToken(member.value, file: fields.file, key: fields.name(key)))
                lastKeys.insert(member.key)
            }
        } else {
            extraSpecialTokens = try fields.array(key).map {
                try NamedToken($0, file: fields.file, key: fields.name(key))
            }
        }
    }

    private mutating func readMap(_ map: Fields) throws {
        for member in map.members {
            switch (member.key, member.value) {
            case ("additional_special_tokens", .array(let tokens)):
                additionalSpecialTokens = try tokens.map {
                    try NamedToken($0, file: map.file, key: member.key, special: true)
                }
            case ("extra_special_tokens", .array(let tokens)):
                var merged = extraSpecialTokens ?? []
                for token in tokens {
                    let token = try NamedToken(token, file: map.file, key: member.key, special: true)
                    if !merged.contains(token) { merged.append(token) }
                }
                extraSpecialTokens = merged
            case ("extra_special_tokens", .object): try readExtra(map, member.key)
            case (_, .string), (_, .object):
                set(member.key, try NamedToken(member.value, file: map.file, key: member.key, special: true))
            case (_, .null) where Self.roles.contains(member.key): set(member.key, nil)
            default: throw map.wrongType(member.key, "a token")
            }
        }
    }

    private mutating func readAdded(_ added: Fields) throws {
        let specials = Set(named.compactMap { Self.roles.contains($0.key) ? $0.token?.exactContent : nil })
            .union((extraSpecialTokens ?? []).map(\.exactContent))
        for member in added.members {
            let isSpecial = specials.contains(ExactText(member.key))
            let token = AddedToken(content: member.key, isNormalized: !isSpecial, isSpecial: isSpecial)
            guard case .integer(let number) = member.value, let id = Int32(exactly: number), id >= 0 else {
                throw added.wrongType(member.key, "a token's number")
            }
            addedTokens.append((Int(id), token))
        }
    }

    /// The sides come from `tokenizer_config.json`, else from the padding and truncation baked into `tokenizer.json`.
    private mutating func readSides(_ config: Fields?, _ tokenizer: Fields?) throws {
        let padding = try tokenizer?.fieldsIfPresent("padding")
        let truncation = try tokenizer?.fieldsIfPresent("truncation")
        func side(_ key: String, _ baked: Fields?) throws -> Tokenizer.Side {
            let name = try config?.stringIfPresent(key) ?? baked?.stringIfPresent("direction")?.lowercased() ?? "right"
            guard let side = Tokenizer.Side(rawValue: name) else {
                throw TokenizerError.unsupported(
                    file: config?.file ?? baked?.file ?? "tokenizer.json", key: key, name: "the side \(name)")
            }
            return side
        }
        paddingSide = try side("padding_side", padding)
        truncationSide = try side("truncation_side", truncation)
    }
}
