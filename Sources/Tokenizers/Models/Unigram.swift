/// The unigram model: the split of a word into pieces whose scores add up to the most.
// Source: huggingface/tokenizers, src/models/unigram/model.rs at 3ba8ad0, `encode_optimized` and `tokenize`.
struct Unigram: Sendable {
    /// The best way found so far to a place in the word.
    private struct Node {
        var score = 0.0
        var start = -1
        var id: Int32 = 0
    }

    /// How much worse than the worst piece an unknown scalar is.
    private static let unknownPenalty = 10.0

    let vocabulary: Vocabulary
    private let trie: ByteTrie
    private let scores: [Double]
    private let unknownScore: Double
    private let unknown: Int32?
    private let byteTokens: [Int32?]?

    /// - Parameters:
    ///   - pieces: the pieces in the order of their numbers, each with its score, a logarithm
    ///   - unknown: the piece that stands for what no piece covers
    ///   - byteFallback: whether unknown text is written as tokens of its bytes, if there are such
    ///   - file: what errors call the file
    /// - Throws: ``TokenizerError/invalid(file:key:reason:)``
    init(_ pieces: [(text: String, score: Double)], unknown: Int?, byteFallback: Bool, file: String) throws {
        func invalid(_ key: String, _ reason: String) -> TokenizerError {
            .invalid(file: file, key: key, reason: reason)
        }
        guard !pieces.isEmpty else { throw invalid("the vocabulary", "it is empty") }
        if let unknown, !pieces.indices.contains(unknown) {
            throw invalid("unk_id", "\(unknown) lies outside the vocabulary of \(pieces.count)")
        }
        var vocabulary = Vocabulary(capacity: pieces.count)
        var trie = ByteTrie(capacity: 8 * pieces.count)
        var minimum = Double.infinity
        for (index, piece) in pieces.enumerated() {
            guard piece.score.isFinite else {
                throw invalid("the score of \"\(piece.text)\"", "it is no finite number")
            }
            guard trie.hasRoom(for: piece.text.utf8.count) else { throw invalid("the vocabulary", "it is too large") }
            vocabulary.insert(piece.text.utf8, id: Int32(index))
            if !piece.text.isEmpty { trie.insert(piece.text.utf8, value: Int32(index)) }
            minimum = min(minimum, piece.score)
        }
        self.vocabulary = vocabulary
        self.trie = trie
        scores = pieces.map(\.score)
        unknownScore = minimum - Self.unknownPenalty
        self.unknown = unknown.map(Int32.init)
        byteTokens = byteFallback ? ByteFallback.tokens(vocabulary) : nil
    }

    /// How many pieces the file lists, the same one twice counted twice.
    var count: Int { scores.count }

    /// Appends the tokens of one word.
    ///
    /// - Throws: ``TokenizerError/unknownToken(_:)``
    func encode(_ word: UTF8Text, into tokens: inout [Int32]) throws {
        guard !word.isEmpty else { return }
        let nodes = try word.withUnsafeBufferPointer { try bestPath($0) }
        var spans: [(range: Range<Int>, id: Int32)] = []
        var end = word.count
        while end > 0 {
            let node = nodes[end]
            if node.id == unknown, let last = spans.last, last.id == unknown {
                spans[spans.count - 1].range = node.start..<last.range.upperBound
            } else {
                spans.append((node.start..<end, node.id))
            }
            end = node.start
        }
        for span in spans.reversed() {
            guard span.id == unknown else {
                tokens.append(span.id)
                continue
            }
            let text = word[word.startIndex + span.range.lowerBound..<word.startIndex + span.range.upperBound]
            if let id = vocabulary.id(of: text) {
                tokens.append(id)
            } else if let byteTokens, let bytes = ByteFallback.encode(text, byteTokens) {
                tokens += bytes
            } else {
                tokens.append(span.id)
            }
        }
    }

    /// - Returns: for each place in the word, the piece that the best way there ends with
    private func bestPath(_ word: UnsafeBufferPointer<UInt8>) throws -> [Node] {
        var nodes = Array(repeating: Node(), count: word.count + 1)
        var start = 0
        while start < word.count {
            let scoreHere = nodes[start].score
            let scalarEnd = start + word.scalar(at: start).length
            var coversScalar = false
            var node = ByteTrie.root
            var end = start
            while end < word.count, let next = trie.child(node, word[end]) {
                node = next
                end += 1
                let id = trie.value(node)
                guard id >= 0 else { continue }
                if end == scalarEnd { coversScalar = true }
                let score = scoreHere + scores[Int(id)]
                if nodes[end].start < 0 || score > nodes[end].score {
                    nodes[end] = Node(score: score, start: start, id: id)
                }
            }
            if !coversScalar {
                let score = scoreHere + unknownScore
                if nodes[scalarEnd].start < 0 || score > nodes[scalarEnd].score {
                    guard let unknown else { throw TokenizerError.unknownToken(word[start..<scalarEnd].text) }
                    nodes[scalarEnd] = Node(score: score, start: start, id: unknown)
                }
            }
            start = scalarEnd
        }
        return nodes
    }
}
