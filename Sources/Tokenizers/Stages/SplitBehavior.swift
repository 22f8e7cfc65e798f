/// What becomes of the matches when a text is cut at them.
// Source: huggingface/tokenizers, src/tokenizer/normalizer.rs at 3ba8ad0, `NormalizedString::split`.
enum SplitBehavior: String, Sendable {
    case removed = "Removed"
    case isolated = "Isolated"
    case mergedWithPrevious = "MergedWithPrevious"
    case mergedWithNext = "MergedWithNext"
    case contiguous = "Contiguous"

    /// - Parameter stretches: a text cut at its matches
    /// - Returns: the ranges that remain, in order
    func ranges(_ stretches: [Pattern.Stretch]) -> [Range<Int>] {
        switch self {
        case .isolated: stretches.map(\.range)
        case .removed: stretches.compactMap { $0.isMatch ? nil : $0.range }
        case .contiguous: Self.merged(stretches) { $0 == $1 }
        case .mergedWithPrevious: Self.merged(stretches) { $0 && !$1 }
        case .mergedWithNext: Self.merged(stretches.reversed()) { $0 && !$1 }.reversed()
        }
    }

    /// Joins a stretch to the one before it where `joins(isMatch, wasMatch)`.
    private static func merged(
        _ stretches: some Sequence<Pattern.Stretch>, _ joins: (_ isMatch: Bool, _ wasMatch: Bool) -> Bool
    ) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var wasMatch = false
        for stretch in stretches {
            if joins(stretch.isMatch, wasMatch), let last = ranges.popLast() {
                let range = stretch.range
                ranges.append(min(last.lowerBound, range.lowerBound)..<max(last.upperBound, range.upperBound))
            } else {
                ranges.append(stretch.range)
            }
            wasMatch = stretch.isMatch
        }
        return ranges
    }
}
