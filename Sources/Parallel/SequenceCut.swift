/// How many tokens of each stream every rank of a sequence has.
package struct SequenceCut: Sendable, Equatable {
    /// By stream and rank: first the stream that predictions are made of.
    package let streams: [Shards]

    /// - Parameters:
    ///   - tokens: of each stream
    ///   - ranks: how many ranks share the sequence
    package init(_ tokens: [Int], ranks: Int) { streams = tokens.map { Shards($0, into: ranks) } }
}
