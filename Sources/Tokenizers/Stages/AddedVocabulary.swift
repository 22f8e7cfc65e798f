internal import Files

/// The added tokens of a tokenizer, found in the text as it comes and once more in the normalized text.
// Source: huggingface/tokenizers, src/tokenizer/added_vocabulary.rs at 3ba8ad0.
struct AddedVocabulary: Sendable {
    private(set) var tokens: [Int32: AddedToken] = [:]
    private var ids: [ExactText: Int32] = [:]
    private var original = TokenFinder()
    private var normalized = TokenFinder()
    /// Whether special tokens in a text are text like any other.
    var ignoresSpecialTokens = false

    /// The tokens' numbers by their text.
    var idsByContent: [ExactText: Int32] { ids }

    func id(of content: String) -> Int32? { ids[ExactText(content)] }

    func isSpecial(_ id: Int32) -> Bool { tokens[id]?.isSpecial ?? false }

    /// Adds tokens; one that the model has keeps its number, others get the next ones free.
    ///
    /// - Throws: ``TokenizerError/invalid(file:key:reason:)`` if two tokens cannot be told apart
    mutating func add(_ added: [AddedToken], model: Model, normalizer: Normalizer?, file: String) throws {
        let next = tokens.keys.max().map { Int($0) >= model.count || model.count == 0 ? Int($0) + 1 : model.count }
        var free = next ?? model.count
        for token in added where !token.content.isEmpty {
            let known = ids[ExactText(token.content)] ?? model.vocabulary.id(of: token.content.utf8)
            guard let id = known ?? Int32(exactly: free) else {
                throw TokenizerError.invalid(file: file, key: "added_tokens", reason: "there are no numbers left")
            }
            if known == nil { free += 1 }
            ids[ExactText(token.content)] = id
            tokens[id] = token
        }
        original = TokenFinder()
        normalized = TokenFinder()
        for (id, token) in tokens.sorted(by: { $0.key < $1.key }) {
            let text = Array(token.content.utf8)
            let isNew =
                token.isNormalized
                ? normalized.insert(try normalizer?.normalize(text) ?? text, id: id) : original.insert(text, id: id)
            guard isNew else {
                throw TokenizerError.invalid(
                    file: file, key: "the added token \"\(token.content)\"",
                    reason: "it is empty or the same as another once normalized")
            }
        }
    }

    /// Cuts a text at its added tokens and normalizes what lies between.
    ///
    /// - Throws: what the normalizer throws
    func split(_ text: [UInt8], normalizer: Normalizer?) throws -> [Piece] {
        var pieces: [Piece] = []
        for piece in split(Piece(text: text[...], token: nil, beginsText: true), original) {
            guard piece.token == nil else {
                pieces.append(piece)
                continue
            }
            var piece = piece
            if let normalizer {
                piece.text = try normalizer.normalize(Array(piece.text), keepsStart: &piece.beginsText)[...]
            }
            pieces += split(piece, normalized)
        }
        return pieces
    }

    private func split(_ piece: Piece, _ finder: TokenFinder) -> [Piece] {
        let text = piece.text
        guard !finder.isEmpty else { return text.isEmpty ? [] : [piece] }
        var pieces: [Piece] = []
        var end = text.startIndex
        func add(_ range: Range<Int>, _ token: Int32?) {
            guard !range.isEmpty else { return }
            let beginsText = piece.beginsText && range.lowerBound == text.startIndex
            pieces.append(Piece(text: text[range], token: token, beginsText: beginsText))
        }
        finder.forEachMatch(in: text) { match, id in
            guard let token = tokens[id], !(ignoresSpecialTokens && token.isSpecial) else { return }
            if token.isSingleWord, touchesWord(text, match) { return }
            var (start, stop) = (match.lowerBound, match.upperBound)
            if token.stripsLeft {
                while start > end, isBlank(text, text.index(beforeScalarAt: start)) {
                    start = text.index(beforeScalarAt: start)
                }
            }
            if token.stripsRight {
                while stop < text.endIndex, isBlank(text, stop) { stop += text.scalar(at: stop).length }
            }
            if end < start { add(end..<start, nil) }
            add(start..<stop, id)
            end = stop
        }
        if end < text.endIndex { add(end..<text.endIndex, nil) }
        return pieces
    }

    private func isBlank(_ text: UTF8Text, _ index: Int) -> Bool {
        ScalarProperties(text.scalar(at: index).value).isWhitespace
    }

    private func touchesWord(_ text: UTF8Text, _ match: Range<Int>) -> Bool {
        func isWord(_ index: Int) -> Bool { ScalarProperties(text.scalar(at: index).value).isWord }
        return match.lowerBound > text.startIndex && isWord(text.index(beforeScalarAt: match.lowerBound))
            || match.upperBound < text.endIndex && isWord(match.upperBound)
    }
}
