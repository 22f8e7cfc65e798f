internal import Files

// Source: huggingface/transformers 5.23.0, models/clip/tokenization_clip.py, models/t5/tokenization_t5.py,
// models/qwen2/tokenization_qwen2.py.

extension Tokenizer {
    private static let clipPattern =
        #"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"#
    private static let qwen2Pattern =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"#
        + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    /// The piece that `T5Tokenizer` takes for the unknown one, in every vocabulary.
    private static let t5Unknown = 2

    /// `CLIPTokenizer`: of the files only vocabulary, merges and special tokens count.
    init(clip files: TokenizerFolder, _ settings: Settings) throws {
        let unknown = settings.named.first { $0.key == Role.unknown.rawValue }?.token?.content ?? "<|endoftext|>"
        let model = try files.bpe(.init(unknownToken: unknown, endOfWordSuffix: "</w>"))
        let pipeline = Pipeline(
            normalizer: .sequence([
                .form(.nfc), .replace(try .known(#"\s+"#), with: [0x20]), .lowercase,
            ]),
            preTokenizer: .sequence([
                .split(try .known(Self.clipPattern), .removed, inverted: true),
                .byteLevel(addPrefixSpace: false, try .known(ByteLevel.pattern)),
            ]),
            model: .bpe(model), decoder: .byteLevel)
        let end = "<|endoftext|>"
        try self.init(
            pipeline, settings, file: files.file("tokenizer_config.json"),
            defaults: [(.unknown, end), (.bos, "<|startoftext|>"), (.eos, end), (.padding, end)],
            extra: settings.extraSpecialTokens ?? settings.additionalSpecialTokens ?? [], endOfWordMark: "</w>"
        ) { pipeline, roles in
            let (bos, eos) = (try pipeline.id(of: .bos, in: roles), try pipeline.id(of: .eos, in: roles))
            pipeline.postProcessor = .template([.special([bos]), .text, .special([eos])])
        }
    }

    /// `T5Tokenizer`: of the files only pieces, character map and special tokens count.
    init(t5 files: TokenizerFolder, _ settings: Settings) throws {
        var pieces: [(text: String, score: Double)]
        var normalizer: Normalizer?
        var extra = settings.additionalSpecialTokens
        if let tokenizer = files.tokenizer {
            pieces = try Unigram.pieces(tokenizer.fields("model"))
            normalizer = try Self.characterMap(tokenizer)
        } else {
            let name = files.has("tokenizer.model") ? "tokenizer.model" : "spiece.model"
            let model = try SentencePieceModel(files.bytes(name), file: files.file(name))
            guard model.pieces.count > Self.t5Unknown else {
                throw TokenizerError.invalid(file: files.file(name), key: "pieces", reason: "there are too few")
            }
            pieces = model.pieces.map { ($0.text, Double($0.score)) }
            pieces += (0..<settings.extraIDCount).reversed().map { ("<extra_id_\($0)>", 0) }
            if !model.characterMap.isEmpty { normalizer = .characterMap(try CharacterMap(model.characterMap)) }
            extra = model.pieces.filter { $0.kind == .control || $0.kind == .userDefined }.map { piece in
                .token(AddedToken(content: piece.text, isNormalized: false, isSpecial: piece.kind == .control))
            }
        }
        let metaspace = Metaspace(replacement: 0x2581, prependScheme: .always, splits: true)
        let file = files.tokenizer?.file ?? files.file("spiece.model")
        let pipeline = Pipeline(
            normalizer: normalizer, preTokenizer: .sequence([.whitespaceSplit, .metaspace(metaspace)]),
            model: .unigram(try Unigram(pieces, unknown: Self.t5Unknown, byteFallback: false, file: file)),
            decoder: .metaspace(metaspace))
        let extraTokens = try settings.extraSpecialTokens ?? Self.withSentinels(extra, settings, file: file)
        try self.init(
            pipeline, settings, file: file,
            defaults: [(.eos, "</s>"), (.unknown, "<unk>"), (.padding, "<pad>")], extra: extraTokens
        ) { pipeline, roles in
            pipeline.postProcessor = .template([.text, .special([try pipeline.id(of: .eos, in: roles)])])
        }
    }

    /// `Qwen2Tokenizer`: of the files only vocabulary, merges and special tokens count.
    init(qwen2 files: TokenizerFolder, _ settings: Settings) throws {
        var pipeline = Pipeline(
            normalizer: .form(.nfc),
            preTokenizer: .sequence([
                .split(try .known(Self.qwen2Pattern), .isolated, inverted: false),
                .byteLevel(addPrefixSpace: settings.addsPrefixSpace, nil),
            ]),
            model: .bpe(try files.bpe(.init())), decoder: .byteLevel)
        pipeline.postProcessor = try files.tokenizer?.fieldsIfPresent("post_processor").map(PostProcessor.init)
        let end = "<|endoftext|>"
        let extra = settings.extraSpecialTokens ?? settings.additionalSpecialTokens ?? []
        let file = files.file("tokenizer_config.json")
        try self.init(
            pipeline, settings, file: file, defaults: [(.unknown, end), (.eos, end), (.padding, end)], extra: extra
        ) { pipeline, roles in
            let others = settings.named.filter { !Settings.roles.contains($0.key) }.compactMap(\.token?.content)
            let specials = Role.allCases.compactMap { roles[$0] } + others + extra.map(\.content)
            try pipeline.add(specials.map(AddedToken.init(special:)), file: file)
        }
    }

    /// Any other class: all stages as `tokenizer.json` has them.
    init(general files: TokenizerFolder, _ settings: Settings, className: String?) throws {
        guard let tokenizer = files.tokenizer else {
            throw TokenizerError.unsupported(
                file: files.file("tokenizer_config.json"), key: "tokenizer_class",
                name: "\(className ?? "the general class") without tokenizer.json")
        }
        let padding = try tokenizer.fieldsIfPresent("padding")?.stringIfPresent("pad_token")
        try self.init(
            try Pipeline(tokenizer), settings, file: tokenizer.file,
            defaults: padding.map { [(.padding, $0)] } ?? [],
            extra: settings.extraSpecialTokens ?? settings.additionalSpecialTokens ?? [])
    }

    /// The character map of the first `Precompiled` normalizer.
    private static func characterMap(_ tokenizer: Fields) throws -> Normalizer? {
        guard let normalizer = try tokenizer.fieldsIfPresent("normalizer") else { return nil }
        let stages = try normalizer.string("type") == "Sequence" ? normalizer.list("normalizers") : [normalizer]
        return try stages.first { try $0.string("type") == "Precompiled" }.map(Normalizer.init)
    }

    /// T5's sentinels `<extra_id_N>`, unless they are among the special tokens already.
    private static func withSentinels(
        _ tokens: [NamedToken]?, _ settings: Settings, file: String
    ) throws -> [NamedToken] {
        let tokens = tokens ?? []
        let sentinels = tokens.count { $0.content.contains("<extra_id_") }
        if sentinels == 0 { return tokens + (0..<settings.extraIDCount).map { .text("<extra_id_\($0)>") } }
        guard settings.extraIDCount == 0 || settings.extraIDCount == sentinels else {
            throw TokenizerError.invalid(
                file: file, key: "additional_special_tokens",
                reason: "it has \(sentinels) of the \(settings.extraIDCount) tokens <extra_id_N>")
        }
        return tokens
    }
}

extension Pattern {
    /// A pattern of this source code.
    fileprivate static func known(_ regex: String) throws -> Pattern {
        do { return try Pattern(regex: regex) } catch let error as PatternReader.Unsupported {
            throw TokenizerError.unsupported(file: "the tokenizer", key: regex, name: error.name)
        }
    }
}

extension Pipeline {
    /// The number of the token with a role that the class cannot do without.
    fileprivate func id(of role: Tokenizer.Role, in roles: [Tokenizer.Role: String]) throws -> Int32 {
        let id = roles[role].flatMap(id(of:)) ?? roles[.unknown].flatMap(id(of:))
        guard let id else { throw TokenizerError.missing(file: "tokenizer_config.json", key: role.rawValue) }
        return id
    }
}

extension TokenizerFolder {
    /// The vocabulary and the merges of `tokenizer.json`, else of `vocab.json` and `merges.txt`.
    fileprivate func bpe(_ options: BPE.Options) throws -> BPE {
        if let model = try tokenizer?.fields("model") {
            let source = (file: model.file, key: model.name("merges"))
            return try BPE(Vocabulary(model, "vocab"), merges: BPE.merges(model), options, source: source)
        }
        guard let vocabulary = try fieldsIfPresent("vocab.json") else {
            throw TokenizerError.missing(file: file("vocab.json"), key: "the file")
        }
        let source = file("merges.txt")
        let merges = try bytes("merges.txt").lines.enumerated().compactMap { index, bytes -> (String, String)? in
            guard let line = String(validating: bytes, as: UTF8.self) else {
                throw TokenizerError.unreadable(file: source, reason: "it is not valid UTF-8")
            }
            if line.utf8.starts(with: "#version".utf8) { return nil }
            guard let pair = BPE.pair(line) else {
                throw TokenizerError.wrongType(file: source, key: "line \(index + 1)", expected: "a pair of tokens")
            }
            return pair
        }
        let table = try Vocabulary(vocabulary.members, file: vocabulary.file, path: "")
        return try BPE(table, merges: merges, options, source: (source, "a merge"))
    }
}
