extension Tokenizer {
    /// Reads a tokenizer from its folder: `tokenizer.json`, else `vocab.json` with `merges.txt`, else `spiece.model`.
    ///
    /// - Parameters:
    ///   - folder: the component's folder
    ///   - className: the class that transformers would load, as `model_index.json` names it, with or without `Fast`;
    ///     without one, or with a processor's, `tokenizer_config.json` says it, or the set of files does
    /// - Throws: ``TokenizerError``
    package init(folder: String, className: String? = nil) throws {
        let files = try TokenizerFolder(folder)
        let settings = try Settings(files)
        // A processor is a tokenizer with something for images beside it.
        let isOther = className.map { $0.hasSuffix("Processor") || $0 == "AutoTokenizer" } ?? true
        let className = isOther ? settings.className : className
        let kind = TokenizerClass(name: className, files)
        switch kind {
        case .clip: try self.init(clip: files, settings)
        case .t5: try self.init(t5: files, settings)
        case .qwen2: try self.init(qwen2: files, settings)
        case .general: try self.init(general: files, settings, className: className)
        case nil: throw TokenizerError.noTokenizer(folder: folder)
        }
    }
}

/// The classes that build their stages themselves, whatever `tokenizer.json` says of them.
enum TokenizerClass: String {
    case clip = "CLIPTokenizer"
    case t5 = "T5Tokenizer"
    case qwen2 = "Qwen2Tokenizer"
    /// Takes all stages from `tokenizer.json`.
    case general = "TokenizersBackend"

    /// The class with this name, or the one that goes with the files if there is no name.
    init?(name: String?, _ files: TokenizerFolder) {
        let hasVocabulary = files.has("vocab.json") && files.has("merges.txt")
        let hasPieces = files.has("spiece.model") || files.has("tokenizer.model")
        guard files.tokenizer != nil || hasVocabulary || hasPieces else { return nil }
        if let name {
            self = TokenizerClass(rawValue: name.hasSuffix("Fast") ? String(name.dropLast(4)) : name) ?? .general
        } else {
            self = files.tokenizer != nil ? .general : hasVocabulary ? .clip : .t5
        }
    }
}

extension Tokenizer {
    /// Gives the pipeline the tokens of the settings and makes a tokenizer of both.
    ///
    /// - Parameters:
    ///   - pipeline: the stages, without the tokens
    ///   - settings: what the files beside say
    ///   - file: the file that errors about tokens name
    ///   - defaults: the tokens a class has where the files say nothing
    ///   - extra: special tokens without a role
    ///   - endOfWordMark: what the vocabulary puts at the end of words
    ///   - finish: completes the pipeline once all tokens are there
    /// - Throws: ``TokenizerError``
    init(
        _ pipeline: Pipeline, _ settings: Settings, file: String, defaults: [(Role, String)], extra: [NamedToken],
        endOfWordMark: String? = nil, finish: (inout Pipeline, [Role: String]) throws -> Void = { _, _ in }
    ) throws {
        var named: [(key: String, token: NamedToken)] = []
        for role in Role.allCases {
            let given = settings.named.first { $0.key == role.rawValue }
            let standard = defaults.first { $0.0 == role }.map { NamedToken.text($0.1) }
            if let token = given == nil ? standard : given?.token { named.append((role.rawValue, token)) }
        }
        let others = settings.named.filter { !Settings.roles.contains($0.key) }
        for isLast in [false, true] {
            for entry in others where settings.lastKeys.contains(entry.key) == isLast {
                if let token = entry.token { named.append((entry.key, token)) }
            }
        }
        var pipeline = pipeline
        pipeline.addedVocabulary.ignoresSpecialTokens = settings.splitsSpecialTokens
        try pipeline.add(Self.tokensToAdd(pipeline, settings, named: named, extra: extra), file: file)
        var roles: [Role: String] = [:]
        for role in Role.allCases { roles[role] = named.first { $0.key == role.rawValue }?.token.content }
        try finish(&pipeline, roles)
        self.init(pipeline, settings, roles: roles, endOfWordMark: endOfWordMark)
    }

    private static func tokensToAdd(
        _ pipeline: Pipeline, _ settings: Settings, named: [(key: String, token: NamedToken)], extra: [NamedToken]
    ) -> [AddedToken] {
        let present = pipeline.addedVocabulary.tokens
        var tokens = settings.addedTokens.sorted { $0.id < $1.id }.map(\.token)
            .filter { !present.values.contains($0) }.map(NamedToken.token)
        var known = Set(tokens.map(\.exactContent))
        for token in present.values { known.insert(token.exactContent) }
        for token in named.map(\.token) + extra where !known.contains(token.exactContent) && !tokens.contains(token) {
            tokens.append(token)
        }
        let names = Set(named.map(\.token.exactContent))
        return tokens.map { token in
            switch token {
            case .text(let content): return AddedToken(special: content)
            case .token(var token):
                if names.contains(token.exactContent) { token.isSpecial = true }
                return token
            }
        }
    }
}
