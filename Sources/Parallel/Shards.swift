/// A cut of things in a row into parts that differ by one at most, the larger ones first.
package struct Shards: Sendable, Equatable {
    /// How many things each part has; some have none where there are fewer things than parts.
    package let counts: [Int]

    /// - Parameters:
    ///   - count: of the things
    ///   - parts: how many
    package init(_ count: Int, into parts: Int) {
        counts = (0..<parts).map { count / parts + ($0 < count % parts ? 1 : 0) }
    }

    /// Which things a part has.
    package func range(_ part: Int) -> Range<Int> {
        let start = counts[..<part].reduce(0, +)
        return start..<start + counts[part]
    }
}
