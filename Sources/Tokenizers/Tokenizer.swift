/// A text's way to the tokens a text encoder takes.
///
/// Ids, padding and truncation are those of the class that transformers loads from the same folder.
// Source: huggingface/transformers 5.23.0, src/transformers/tokenization_utils_tokenizers.py and
// tokenization_utils_base.py.
package struct Tokenizer: Sendable {
    /// On which side of a sequence something happens.
    package enum Side: String, Sendable {
        case left, right
    }

    /// Tokens named by what they are for.
    package enum Role: String, Sendable, CaseIterable {
        case bos = "bos_token"
        case eos = "eos_token"
        case unknown = "unk_token"
        case separator = "sep_token"
        case padding = "pad_token"
        case classification = "cls_token"
        case mask = "mask_token"
    }

    let pipeline: Pipeline
    let roles: [Role: String]
    private let tidiesDecodedText: Bool
    /// A mark the vocabulary puts at the end of words, which decoding turns into a blank.
    private let endOfWordMark: String?

    /// The length the model was made for, in tokens; nil if the files do not say.
    package let modelMaxLength: Int?
    package let paddingSide: Side
    package let truncationSide: Side

    init(_ pipeline: Pipeline, _ settings: Settings, roles: [Role: String], endOfWordMark: String?) {
        self.pipeline = pipeline
        self.roles = roles
        self.endOfWordMark = endOfWordMark
        tidiesDecodedText = settings.tidiesDecodedText
        modelMaxLength = settings.modelMaxLength
        paddingSide = settings.paddingSide
        truncationSide = settings.truncationSide
    }

    /// How many different tokens there are, the added ones included: transformers' `len(tokenizer)`.
    package var vocabularySize: Int { pipeline.count }

    /// The number of a token, nil if there is no such token.
    package func id(of token: String) -> Int32? { pipeline.id(of: token) }

    /// The number of the token with this role, nil if no token has it.
    package func id(of role: Role) -> Int32? {
        guard let token = roles[role] else { return nil }
        return pipeline.id(of: token) ?? roles[.unknown].flatMap { pipeline.id(of: $0) }
    }

    /// The tokens of one text.
    ///
    /// - Parameters:
    ///   - text: any text
    ///   - addSpecialTokens: whether the tokens that begin and end a sequence are added
    /// - Returns: the tokens' numbers, however many they are
    /// - Throws: ``TokenizerError``
    package func encode(_ text: String, addSpecialTokens: Bool = true) throws -> [Int32] {
        finish(try pipeline.encode(text), addSpecialTokens)
    }

    func finish(_ ids: [Int32], _ addSpecialTokens: Bool) -> [Int32] {
        pipeline.postProcessor?.apply(to: ids, addSpecialTokens: addSpecialTokens) ?? ids
    }

    /// The text that tokens stand for.
    ///
    /// - Parameters:
    ///   - ids: tokens' numbers; one that no token has is passed over
    ///   - skipSpecialTokens: whether special tokens are left out
    /// - Returns: the text, with U+FFFD where bytes form no character
    /// - Throws: ``TokenizerError``
    package func decode(_ ids: [Int32], skipSpecialTokens: Bool = false) throws -> String {
        let tokens = ids.compactMap { id -> String? in
            skipSpecialTokens && pipeline.addedVocabulary.isSpecial(id) ? nil : pipeline.token(id: id)
        }
        var text = try pipeline.decoder?.decode(tokens).joined() ?? tokens.joined(separator: " ")
        if let mark = endOfWordMark {
            let blank = Normalizer.replace(Pattern(literal: mark), with: [0x20])
            text = PythonText.stripped(try blank.normalize(Array(text.utf8)).text)
        }
        guard tidiesDecodedText, case .unigram = pipeline.model else { return text }
        return try Self.tidied(text)
    }

    /// Removes the blanks before punctuation and contractions.
    private static func tidied(_ text: String) throws -> String {
        let marks = [" .", " ?", " !", " ,", " ' ", " n't", " 'm", " 's", " 've", " 're"]
        let stages = marks.map { mark in
            Normalizer.replace(Pattern(literal: mark), with: mark.utf8.filter { $0 != 0x20 })
        }
        return try Normalizer.sequence(stages).normalize(Array(text.utf8)).text
    }
}
