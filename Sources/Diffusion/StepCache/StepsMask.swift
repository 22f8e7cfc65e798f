/// A pattern of steps that are computed and steps that may be cached.
// Source: cache-dit 1.5.3, caching/cache_interface.py, `steps_mask`.
package struct StepsMask: Sendable, Equatable {
    /// How many steps are computed, from most to fewest.
    package enum Policy: String, Sendable, Codable, CaseIterable { case slow, medium, fast, ultra }

    /// For each step whether it is computed.
    package let isComputed: [Bool]

    /// The pattern of a policy.
    ///
    /// - Parameters:
    ///   - policy: which
    ///   - steps: how many steps there are; nil comes back where no pattern is known for that number: 1 to 3, 5 and 7
    package init?(_ policy: Policy, steps: Int) {
        guard var runs = Self.runs(policy, steps) else { return nil }
        if steps > Self.longest { runs.stretch(to: steps) }
        runs.shorten(to: steps)
        var mask: [Bool] = []
        for index in 0..<max(runs.computed.count, runs.cached.count) {
            if index < runs.computed.count { mask += Array(repeating: true, count: runs.computed[index]) }
            if index < runs.cached.count { mask += Array(repeating: false, count: runs.cached[index]) }
        }
        mask[steps - 1] = true
        isComputed = mask
    }

    /// How many steps at the beginning are computed.
    package var firstComputed: Int { isComputed.firstIndex(of: false) ?? isComputed.count }

    /// The steps that the longest written pattern has.
    private static let longest = 28

    private static func runs(_ policy: Policy, _ steps: Int) -> Runs? {
        switch steps {
        case 4: Runs([2, 1], [1])
        case 6: Runs([3, 1], [2])
        case 8:
            switch policy {
            case .slow: Runs([5, 1, 1], [1])
            case .medium: Runs([4, 1, 1], [1, 1])
            case .fast: Runs([3, 1, 1], [1, 2])
            case .ultra: Runs([2, 1, 1], [2, 2])
            }
        case 9:
            switch policy {
            case .slow: Runs([5, 2, 1], [1])
            case .medium: Runs([5, 1, 1], [1, 1])
            case .fast: Runs([4, 1, 1], [1, 2])
            case .ultra: Runs([3, 1, 1], [2, 2])
            }
        case 10...15:
            switch policy {
            case .slow: Runs([4, 2, 2, 2, 1], [1, 1, 1, 1])
            case .medium: Runs([4, 2, 1, 1, 1], [1, 1, 2, 2])
            case .fast: Runs([3, 1, 1, 1, 1], [1, 2, 2, 3])
            case .ultra: Runs([2, 1, 1, 1, 1], [1, 2, 3, 3])
            }
        case 16...:
            switch policy {
            case .slow: Runs([8, 3, 3, 2, 1, 1], [1, 2, 2, 2, 3])
            case .medium: Runs([6, 2, 2, 2, 2, 1], [1, 3, 3, 3, 3])
            case .fast: Runs([6, 1, 1, 1, 1, 1], [1, 3, 4, 5, 4])
            case .ultra: Runs([4, 1, 1, 1, 1], [2, 5, 6, 7])
            }
        default: nil
        }
    }

    /// Lengths of runs of computed and of cached steps, in turn.
    private struct Runs {
        var computed, cached: [Int]

        init(_ computed: [Int], _ cached: [Int]) { (self.computed, self.cached) = (computed, cached) }

        private var steps: Int { computed.reduce(0, +) + cached.reduce(0, +) }

        /// Lengthens run after run, each by a part of its own length, until there are enough steps.
        mutating func stretch(to count: Int) {
            let (ownComputed, ownCached) = (computed, cached)
            func growth(_ length: Int) -> Int { max(Int(Double(length) * (Double(count) / Double(longest) * 0.5)), 1) }
            while steps < count {
                for index in cached.indices where steps < count {
                    computed[index] += growth(ownComputed[index])
                    if steps < count { cached[index] += growth(ownCached[index]) }
                }
                if steps < count { computed[computed.count - 1] += 1 }
            }
        }

        /// Takes steps away from the last runs, in turn, until there are no more than enough.
        mutating func shorten(to count: Int) {
            while steps > count {
                Self.shorten(&cached)
                if steps > count { Self.shorten(&computed) }
            }
        }

        private static func shorten(_ runs: inout [Int]) {
            guard let last = runs.popLast() else { return }
            if last > 1 { runs.append(last - 1) }
        }
    }
}
