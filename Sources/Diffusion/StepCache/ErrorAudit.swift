/// Holds what is left out against what would have been computed, on a part of the steps.
struct ErrorAudit {
    /// Of so many steps that would be left out, the first is computed too.
    private static let interval = 4

    private let limit: Double
    private var skips = 0
    /// Whether an error was greater than the limit.
    private(set) var isOver = false

    init(limit: Double) { self.limit = limit }

    /// Whether the step that is about to be left out is to be computed too.
    mutating func isDue() -> Bool {
        skips += 1
        return skips % Self.interval == 1
    }

    mutating func note(_ error: Double) {
        // Written so that an undefined error counts as too great.
        if !(error <= limit) { isOver = true }
    }
}
