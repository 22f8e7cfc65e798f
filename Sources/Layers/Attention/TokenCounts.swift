internal import Parallel
internal import Tensors

/// How many tokens each rank of a sequence brings to an attention: text first, then image, or those of one stream.
struct TokenCounts {
    private let text, image: Shards?

    /// - Parameters:
    ///   - cut: of all streams; first the image's, then the text's if there is one
    ///   - tokens: which of them
    init(_ cut: SequenceCut, _ tokens: StreamTokens = .all) {
        (image, text) =
            switch tokens {
            case .all: (cut.streams[0], cut.streams.count > 1 ? cut.streams[1] : nil)
            case .stream(let number): (cut.streams[number], nil)
            }
    }

    /// Of one rank: its text's and its image's.
    func parts(of rank: Int) -> (text: Int, image: Int) { (text?.counts[rank] ?? 0, image?.counts[rank] ?? 0) }

    /// Of one rank, all.
    subscript(rank: Int) -> Int {
        let parts = parts(of: rank)
        return parts.text + parts.image
    }

    /// Of some ranks together.
    func sum(_ ranks: some Sequence<Int>) -> Int { ranks.reduce(0) { $0 + self[$1] } }

    /// Where a rank's tokens lie in the sequence of some ranks: the texts of all, then the images.
    ///
    /// - Parameters:
    ///   - rank: whose
    ///   - ranks: all that the sequence is of
    /// - Returns: the rank's text and its image: which of its tokens they are, and where the first lies
    func places(of rank: Int, among ranks: [Int]) -> [(own: Range<Int>, place: Int)] {
        let before = ranks.prefix { $0 != rank }
        let own = parts(of: rank)
        let texts = ranks.reduce(0) { $0 + parts(of: $1).text }
        let places = [
            (0..<own.text, before.reduce(0) { $0 + parts(of: $1).text }),
            (own.text..<own.text + own.image, before.reduce(texts) { $0 + parts(of: $1).image }),
        ]
        return places.filter { !$0.0.isEmpty }
    }

    /// The tokens of some ranks in the order of the whole sequence.
    ///
    /// - Parameters:
    ///   - pieces: of each rank, its text before its image
    ///   - ranks: their numbers
    ///   - axis: along which the tokens lie
    /// - Returns: the texts of all, then the images
    func joined(_ pieces: [Tensor], of ranks: [Int], axis: Int) throws(TensorError) -> Tensor {
        guard text != nil else { return try concatenate(pieces, axis: axis) }
        var (texts, images): ([Tensor], [Tensor]) = ([], [])
        for (piece, rank) in zip(pieces, ranks) {
            let (count, all) = (parts(of: rank).text, self[rank])
            texts.append(try piece.slice(0..<count, axis: axis))
            images.append(try piece.slice(count..<all, axis: axis))
        }
        return try concatenate(texts + images, axis: axis)
    }
}
