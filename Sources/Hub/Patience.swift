/// How long the hub is waited for, and how often it is asked again.
package struct Patience: Sendable {
    /// How many failures in a row, with no byte gained between them, end a download.
    package var attempts = 5
    /// The wait after the first failure; it doubles with each further one.
    package var firstDelay = Duration.seconds(1)
    /// The longest such wait.
    package var longestDelay = Duration.seconds(30)
    /// The longest wait that the hub may ask for.
    package var longestRetryAfter = Duration.seconds(300)
    /// How long a connection may take.
    package var connect = Duration.seconds(10)
    /// How long the beginning of the listing may take.
    package var listing = Duration.seconds(15)
    /// How long the beginning of a file may take.
    package var answer = Duration.seconds(15)
    /// How long an answer may pause.
    package var pause = Duration.seconds(30)

    /// The usual times.
    package init() {}

    /// Runs work until it succeeds, fails for good or has failed too often in a row.
    ///
    /// - Parameters:
    ///   - attempts: how many failures in a row there may be, the patience's own number where nil
    ///   - work: throws ``PassingFault`` where another attempt may help
    /// - Returns: what the work returned
    /// - Throws: the work's error; the cause of the last passing fault; `CancellationError`
    func retry<Result>(attempts: Int? = nil, _ work: () async throws -> Result) async throws -> Result {
        var failures = 0
        while true {
            do {
                return try await work()
            } catch let fault as PassingFault {
                failures = fault.madeProgress ? 1 : failures + 1
                if failures >= attempts ?? self.attempts { throw fault.cause }
                try await Task.sleep(for: delay(after: failures, asked: fault.wait))
            }
        }
    }

    /// The wait before the next attempt.
    ///
    /// - Parameters:
    ///   - failures: how many there were in a row, from 1
    ///   - asked: the hub's own wish
    /// - Returns: how long to wait: what was asked, up to a limit; else a doubling time with some chance in it, so that
    ///   several clients do not return together
    package func delay(after failures: Int, asked: Duration?) -> Duration {
        if let asked { return min(max(asked, .zero), longestRetryAfter) }
        let doubled = firstDelay * (1 << min(failures - 1, 20))
        return min(doubled, longestDelay) * Double.random(in: 0.5...1)
    }
}

/// A failure that may pass.
struct PassingFault: Error {
    /// What to report if it does not.
    let cause: HubError
    /// How long the hub asks to wait.
    var wait: Duration?
    /// Whether bytes arrived before it.
    var madeProgress = false
}
