package import Files

/// Why a tokenizer cannot be loaded, or a text cannot be encoded.
package enum TokenizerError: BlamedError, Equatable {
    /// The folder holds none of the files a tokenizer can be read from.
    case noTokenizer(folder: String)
    /// A file cannot be read; the reason is the system's or the format's.
    case unreadable(file: String, reason: String)
    /// A file is no well-formed JSON; the offset is in bytes.
    case malformed(file: String, offset: Int, reason: String)
    /// A key that has no default is absent.
    case missing(file: String, key: String)
    /// A value has another type than its key asks for.
    case wrongType(file: String, key: String, expected: String)
    /// A value has the right type and cannot be used all the same.
    case invalid(file: String, key: String, reason: String)
    /// A stage, an option or a piece of regular expression that this implementation does not have.
    case unsupported(file: String, key: String, name: String)
    /// The model has no token for a part of the text and no unknown token to stand for it.
    case unknownToken(String)
    /// A regular expression tried too many ways to match.
    case patternTooSlow(String)
    /// The text runs into a part of the character map that is corrupt.
    case corruptCharacterMap(String)
    /// The length asked for has no room for the special tokens.
    case lengthTooShort(length: Int, specialTokens: Int)
    /// Padding was asked for, and the tokenizer has no padding token.
    case noPaddingToken
    /// A chat template cannot be used, or refuses its messages.
    case template(file: String, line: Int, fault: TemplateFault)
    /// The folder holds no chat template.
    case noTemplate(folder: String)
    /// The vocabulary splits what a chat template needs as single tokens.
    case lacksTokens([String], in: String)
}

extension TokenizerError: CustomStringConvertible {
    package var blame: Blame { .model }

    /// One sentence, in which names and reasons from files are cut.
    package var description: String { sentence.cut(toBytes: 2048) }

    private var sentence: String {
        switch self {
        case .noTokenizer(let folder):
            "\(folder) holds no tokenizer: neither tokenizer.json, nor vocab.json with merges.txt, nor spiece.model"
        case .unreadable(let file, let reason): "\(file) cannot be read: \(reason)"
        case .malformed(let file, let offset, let reason): "\(file) is not valid JSON at byte \(offset): \(reason)"
        case .missing(let file, let key): "\(file) lacks \(key)"
        case .wrongType(let file, let key, let expected): "\(key) in \(file) is not \(expected)"
        case .invalid(let file, let key, let reason): "\(key) in \(file) cannot be used: \(reason)"
        case .unsupported(let file, let key, let name): "\(key) in \(file) asks for \(name), which is not implemented"
        case .unknownToken(let text): "the vocabulary has no token for \"\(text)\" and no unknown token"
        case .patternTooSlow(let pattern): "the pattern \(pattern) takes too long on this text"
        case .corruptCharacterMap(let reason): "the precompiled character map is corrupt: \(reason)"
        case .lengthTooShort(let length, let specialTokens):
            "a length of \(length) has no room for the \(specialTokens) special tokens"
        case .noPaddingToken: "padding was asked for, but the tokenizer has no padding token"
        case .template(let file, let line, let fault):
            "the chat template of \(file) cannot be used: at line \(line) \(fault)"
        case .noTemplate(let folder):
            "\(folder) holds no chat template: neither chat_template.jinja, nor one in tokenizer_config.json or "
                + "chat_template.json"
        case .lacksTokens(let tokens, let name):
            "\(name) does not have \(tokens.quotedList) as single tokens, which the chat template needs"
        }
    }
}
