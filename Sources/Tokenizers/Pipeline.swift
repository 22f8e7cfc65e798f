internal import Files

/// The stages of a tokenizer, as a `tokenizer.json` lists them.
struct Pipeline: Sendable {
    var normalizer: Normalizer?
    var preTokenizer: PreTokenizer?
    var model: Model
    var postProcessor: PostProcessor?
    var decoder: Decoder?
    var addedVocabulary = AddedVocabulary()

    /// The tokens of a text, without those a post-processor adds.
    func encode(_ text: String) throws -> [Int32] {
        var pieces = try addedVocabulary.split(Array(text.utf8), normalizer: normalizer)
        if let preTokenizer { pieces = try preTokenizer.apply(to: pieces) }
        return try model.encode(pieces)
    }

    /// The number of a token, added or the model's.
    func id(of token: String) -> Int32? { addedVocabulary.id(of: token) ?? model.vocabulary.id(of: token.utf8) }

    func token(id: Int32) -> String? { addedVocabulary.tokens[id]?.content ?? model.vocabulary.token(id: id) }

    /// How many different tokens there are, the added ones included.
    var count: Int {
        model.count + addedVocabulary.idsByContent.keys.count { model.vocabulary.id(of: $0.text.utf8) == nil }
    }

    mutating func add(_ tokens: [AddedToken], file: String) throws {
        try addedVocabulary.add(tokens, model: model, normalizer: normalizer, file: file)
    }
}

extension Pipeline {
    /// Reads a whole `tokenizer.json`.
    init(_ fields: Fields) throws {
        try fields.allow(
            "version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor",
            "decoder", "model")
        if let version = try fields.stringIfPresent("version"), version != "1.0" {
            throw fields.unsupported("version", version)
        }
        normalizer = try fields.fieldsIfPresent("normalizer").map(Normalizer.init)
        preTokenizer = try fields.fieldsIfPresent("pre_tokenizer").map(PreTokenizer.init)
        model = try Model(fields.fields("model"))
        postProcessor = try fields.fieldsIfPresent("post_processor").map(PostProcessor.init)
        decoder = try fields.fieldsIfPresent("decoder").map(Decoder.init)
        if fields["added_tokens"] != nil {
            try add(try fields.list("added_tokens").map { try AddedToken($0) }, file: fields.file)
        }
    }
}
