/// A regular expression compiled for ``PatternMatcher``.
struct PatternProgram: Sendable {
    enum Instruction: Sendable {
        /// Takes one scalar of a set.
        case scalar(set: Int)
        /// Takes as many scalars of a set as it may, fewer if what follows fails.
        case loop(set: Int, minimum: Int, maximum: Int, PatternRepeat)
        /// Goes on at the first place, or at the second if that fails.
        case fork(Int, Int)
        case jump(Int)
        /// The instructions up to `end` are to match here, or not to; goes on at `end`.
        case lookahead(end: Int, negated: Bool)
        case match
    }

    private static let maximumLength = 10_000

    private(set) var instructions: [Instruction] = []
    private(set) var sets: [ScalarSet] = []

    /// - Throws: ``PatternReader/Unsupported``
    init(_ syntax: PatternSyntax) throws {
        try emit(syntax)
        instructions.append(.match)
    }

    private mutating func add(_ set: ScalarSet) -> Int {
        sets.append(set)
        return sets.count - 1
    }

    private mutating func emit(_ syntax: PatternSyntax) throws {
        guard instructions.count < Self.maximumLength else {
            throw PatternReader.Unsupported(name: "a pattern this long")
        }
        switch syntax {
        case .scalar(let set): instructions.append(.scalar(set: add(set)))
        case .sequence(let parts): for part in parts { try emit(part) }
        case .choice(let choices): try emit(choices: choices[...])
        case .repeated(.scalar(let set), let count, let kind):
            instructions.append(
                .loop(set: add(set), minimum: count.lowerBound, maximum: count.upperBound, kind))
        case .repeated(let part, let count, let kind): try emit(group: part, count: count, kind)
        case .lookahead(let part, let negated):
            let start = instructions.count
            instructions.append(.match)
            try emit(part)
            instructions.append(.match)
            instructions[start] = .lookahead(end: instructions.count, negated: negated)
        }
    }

    private mutating func emit(choices: ArraySlice<PatternSyntax>) throws {
        var exits: [Int] = []
        for (index, choice) in choices.enumerated() {
            guard index + 1 < choices.count else {
                try emit(choice)
                break
            }
            let fork = instructions.count
            instructions.append(.match)
            try emit(choice)
            exits.append(instructions.count)
            instructions.append(.match)
            instructions[fork] = .fork(fork + 1, instructions.count)
        }
        for exit in exits { instructions[exit] = .jump(instructions.count) }
    }

    private mutating func emit(group: PatternSyntax, count: ClosedRange<Int>, _ kind: PatternRepeat) throws {
        guard kind == .greedy else { throw PatternReader.Unsupported(name: "a lazy or possessive repeat of a group") }
        guard !group.canBeEmpty else { throw PatternReader.Unsupported(name: "a repeat of what can be empty") }
        for _ in 0..<count.lowerBound { try emit(group) }
        if count.upperBound == .max {
            let fork = instructions.count
            instructions.append(.match)
            try emit(group)
            instructions.append(.jump(fork))
            instructions[fork] = .fork(fork + 1, instructions.count)
        } else {
            var forks: [Int] = []
            for _ in count.lowerBound..<count.upperBound {
                forks.append(instructions.count)
                instructions.append(.match)
                try emit(group)
            }
            for fork in forks { instructions[fork] = .fork(fork + 1, instructions.count) }
        }
    }
}
