/// Runs a ``PatternProgram`` with backtracking, on a stack of its own so that no text can exhaust the thread's.
struct PatternMatcher {
    /// A place to go on from when the present attempt fails.
    private enum Choice {
        case resume(instruction: Int, position: Int)
        /// A greedy loop that ended at `position` and may end earlier, down to `lowest`.
        case shorter(instruction: Int, position: Int, lowest: Int)
        /// A lazy loop that ended at `position` and may take up to `more` scalars of its set.
        case longer(instruction: Int, position: Int, more: Int)
    }

    private let instructions: UnsafeBufferPointer<PatternProgram.Instruction>
    private let sets: UnsafeBufferPointer<ScalarSet>
    private let bytes: UnsafeBufferPointer<UInt8>
    private var choices: [Choice] = []
    /// Steps left for the whole text; published patterns need a handful for each byte.
    private var steps: Int

    /// Lends the closure a matcher for a text.
    static func with<Result>(
        _ program: PatternProgram, _ bytes: UnsafeBufferPointer<UInt8>,
        _ body: (inout PatternMatcher) throws -> Result
    ) rethrows -> Result {
        try program.instructions.withUnsafeBufferPointer { instructions in
            try program.sets.withUnsafeBufferPointer { sets in
                var matcher = PatternMatcher(
                    instructions: instructions, sets: sets, bytes: bytes, steps: 100_000 + 500 * bytes.count)
                return try body(&matcher)
            }
        }
    }

    private init(
        instructions: UnsafeBufferPointer<PatternProgram.Instruction>, sets: UnsafeBufferPointer<ScalarSet>,
        bytes: UnsafeBufferPointer<UInt8>, steps: Int
    ) {
        self.instructions = instructions
        self.sets = sets
        self.bytes = bytes
        self.steps = steps
    }

    /// Whether the last failure only means that the steps ran out.
    var isExhausted: Bool { steps < 0 }

    /// - Returns: the end of the match that begins at the position, nil if there is none
    mutating func match(at position: Int) -> Int? { run(from: 0, at: position) }

    private mutating func run(from start: Int, at origin: Int) -> Int? {
        let base = choices.count
        defer { choices.removeSubrange(base...) }
        var instruction = start
        var position = origin
        while true {
            steps -= 1
            guard steps >= 0 else { return nil }
            var succeeds = true
            switch instructions[instruction] {
            case .match: return position
            case .jump(let target): instruction = target
            case .fork(let first, let second):
                if canStart(first, position) {
                    choices.append(.resume(instruction: second, position: position))
                    instruction = first
                } else {
                    instruction = second
                }
            case .scalar(let set):
                if let next = step(set, position) {
                    position = next
                    instruction += 1
                } else {
                    succeeds = false
                }
            case .loop(let set, let minimum, let maximum, let kind):
                succeeds = loop(set, minimum, maximum, kind, instruction, &position)
                instruction += 1
            case .lookahead(let end, let negated):
                succeeds = (run(from: instruction + 1, at: position) != nil) != negated && steps >= 0
                instruction = end
            }
            while !succeeds {
                guard choices.count > base, steps >= 0, let choice = choices.popLast() else { return nil }
                succeeds = resume(choice, &instruction, &position)
            }
        }
    }

    /// - Returns: the position after the scalar there, nil if it is not of the set
    @inline(__always)
    private func step(_ set: Int, _ position: Int) -> Int? {
        guard position < bytes.count else { return nil }
        let scalar = bytes.scalar(at: position)
        return sets[set].contains(scalar.value) ? position + scalar.length : nil
    }

    /// Whether an instruction may succeed, as far as the next scalar tells: saves most forks their way back.
    @inline(__always)
    private func canStart(_ instruction: Int, _ position: Int) -> Bool {
        switch instructions[instruction] {
        case .scalar(let set): step(set, position) != nil
        case .loop(let set, let minimum, _, _): minimum == 0 || step(set, position) != nil
        default: true
        }
    }

    private mutating func loop(
        _ set: Int, _ minimum: Int, _ maximum: Int, _ kind: PatternRepeat, _ instruction: Int,
        _ position: inout Int
    ) -> Bool {
        var count = 0
        var lowest = position
        let wanted = kind == .lazy ? minimum : maximum
        while count < wanted, let next = step(set, position) {
            position = next
            count += 1
            if count == minimum { lowest = position }
        }
        steps -= count
        guard count >= minimum else { return false }
        switch kind {
        case .possessive: break
        case .greedy:
            if position > lowest {
                choices.append(.shorter(instruction: instruction + 1, position: position, lowest: lowest))
            }
        case .lazy:
            if count < maximum {
                choices.append(.longer(instruction: instruction, position: position, more: maximum - count))
            }
        }
        return true
    }

    private mutating func resume(_ choice: Choice, _ instruction: inout Int, _ position: inout Int) -> Bool {
        switch choice {
        case .resume(let target, let origin): (instruction, position) = (target, origin)
        case .shorter(let target, let end, let lowest):
            (instruction, position) = (target, bytes.index(beforeScalarAt: end))
            if position > lowest { choices.append(.shorter(instruction: target, position: position, lowest: lowest)) }
        case .longer(let loop, let end, let more):
            guard case .loop(let set, _, _, _) = instructions[loop], let next = step(set, end) else { return false }
            (instruction, position) = (loop + 1, next)
            if more > 1 { choices.append(.longer(instruction: loop, position: next, more: more - 1)) }
        }
        return true
    }
}
