/// The tree of a regular expression.
indirect enum PatternSyntax {
    case scalar(ScalarSet)
    case sequence([PatternSyntax])
    case choice([PatternSyntax])
    case repeated(PatternSyntax, count: ClosedRange<Int>, PatternRepeat)
    case lookahead(PatternSyntax, negated: Bool)

    /// Whether it can match without taking a scalar.
    var canBeEmpty: Bool {
        switch self {
        case .scalar: false
        case .sequence(let parts): parts.allSatisfy(\.canBeEmpty)
        case .choice(let choices): choices.contains(where: \.canBeEmpty)
        case .repeated(let part, let count, _): count.lowerBound == 0 || part.canBeEmpty
        case .lookahead: true
        }
    }
}

/// How a repeat chooses among the lengths it could take.
enum PatternRepeat {
    case greedy, lazy, possessive
}
