/// Byte-pair encoding: joins neighbouring symbols in the order of a list of merges.
// Source: huggingface/tokenizers, src/models/bpe/model.rs at 3ba8ad0.
struct BPE: Sendable {
    /// What a model may do besides merging.
    struct Options {
        var unknownToken: String?
        var continuingSubwordPrefix = ""
        var endOfWordSuffix = ""
        /// Whether neighbouring unknown scalars become one unknown token.
        var fusesUnknown = false
        /// Whether a scalar without a token is written as tokens of its bytes, `<0x0A>`.
        var byteFallback = false
        /// Whether a word that is a token is not taken apart first.
        var ignoresMerges = false
    }

    let vocabulary: Vocabulary
    let options: Options
    private let ranks: PairTable
    private let results: [Int32]
    /// The unknown token's number, nil if the file names none or one that is not in the vocabulary.
    private let unknown: Int32?
    /// The tokens of single bytes, nil unless each byte has one.
    private let byteTokens: [Int32?]
    /// The token of each scalar below 0x180 that is neither first nor last in its word; -1 if it has none.
    private let symbols: [Int32]

    /// - Parameters:
    ///   - vocabulary: the tokens
    ///   - merges: pairs of tokens, the first to merge first
    ///   - options: what the model does besides
    ///   - source: the file and key to name in errors
    /// - Throws: ``TokenizerError/invalid(file:key:reason:)``
    init(
        _ vocabulary: Vocabulary, merges: [(left: String, right: String)], _ options: Options,
        source: (file: String, key: String)
    ) throws {
        func id(_ token: String) throws -> Int32 {
            guard let id = vocabulary.id(of: token.utf8) else {
                throw TokenizerError.invalid(
                    file: source.file, key: source.key, reason: "\"\(token)\" is not in the vocabulary")
            }
            return id
        }
        let prefix = options.continuingSubwordPrefix.utf8.count
        var ranks = PairTable(capacity: merges.count)
        var results: [Int32] = []
        results.reserveCapacity(merges.count)
        var joined: [UInt8] = []
        for (rank, merge) in merges.enumerated() {
            guard merge.right.utf8.count >= prefix else {
                throw TokenizerError.invalid(
                    file: source.file, key: source.key, reason: "\"\(merge.right)\" is shorter than the subword prefix")
            }
            joined.removeAll(keepingCapacity: true)
            joined.append(contentsOf: merge.left.utf8)
            joined.append(contentsOf: merge.right.utf8.dropFirst(prefix))
            guard let result = vocabulary.id(of: joined) else {
                throw TokenizerError.invalid(
                    file: source.file, key: source.key, reason: "\"\(joined.text)\" is not in the vocabulary")
            }
            ranks.insert(try id(merge.left), try id(merge.right), rank: UInt32(rank))
            results.append(result)
        }
        self.vocabulary = vocabulary
        self.options = options
        self.ranks = ranks
        self.results = results
        unknown = options.unknownToken.flatMap { vocabulary.id(of: $0.utf8) }
        byteTokens = options.byteFallback ? ByteFallback.tokens(vocabulary) : []
        symbols = (0..<0x180).map { value in
            var token = Array(options.continuingSubwordPrefix.utf8)
            token.append(scalar: UInt32(value))
            return vocabulary.id(of: token) ?? -1
        }
    }

    /// Appends the tokens of one word.
    ///
    /// - Throws: ``TokenizerError/unknownToken(_:)`` if the unknown token is needed, named, and not in the vocabulary;
    ///   without a name what is unknown is dropped
    func encode(_ word: UTF8Text, into tokens: inout [Int32], using queue: inout MergeQueue) throws {
        if options.ignoresMerges, let id = vocabulary.id(of: word) {
            tokens.append(id)
            return
        }
        queue.removeAll()
        // An unknown token waits for the next known one, since it may grow until then.
        var waiting: Int32?
        var index = word.startIndex
        while index < word.endIndex {
            let scalar = word.scalar(at: index)
            let end = index + scalar.length
            let (isFirst, isLast) = (index == word.startIndex, end == word.endIndex)
            if let id = symbol(word[index..<end], scalar.value, first: isFirst, last: isLast) {
                if let unknown = waiting { queue.append(unknown) }
                waiting = nil
                queue.append(id)
            } else if let bytes = bytes(word[index..<end], first: isFirst, last: isLast) {
                for byte in bytes { queue.append(byte) }
            } else if let unknown {
                if let unknown = waiting, !options.fusesUnknown { queue.append(unknown) }
                waiting = unknown
            } else if options.unknownToken != nil {
                throw TokenizerError.unknownToken(word[index..<end].text)
            }
            index = end
        }
        if let unknown = waiting { queue.append(unknown) }
        queue.merge(ranks, results: results, into: &tokens)
    }

    @inline(__always)
    private func symbol(_ text: UTF8Text, _ scalar: UInt32, first: Bool, last: Bool) -> Int32? {
        let isPlain = (!first || options.continuingSubwordPrefix.isEmpty) && (!last || options.endOfWordSuffix.isEmpty)
        if isPlain, scalar < 0x180 {
            let id = symbols[Int(scalar)]
            return id >= 0 ? id : nil
        }
        return vocabulary.id(of: affixed(text, first: first, last: last))
    }

    private func bytes(_ text: UTF8Text, first: Bool, last: Bool) -> [Int32]? {
        guard options.byteFallback else { return nil }
        return ByteFallback.encode(affixed(text, first: first, last: last), byteTokens)
    }

    private func affixed(_ text: UTF8Text, first: Bool, last: Bool) -> UTF8Text {
        let prefix = first ? "" : options.continuingSubwordPrefix
        let suffix = last ? options.endOfWordSuffix : ""
        if prefix.isEmpty, suffix.isEmpty { return text }
        return (prefix.utf8 + text + suffix.utf8)[...]
    }
}
