internal import Dispatch

/// Work that keeps a thread busy: it must not take one of the few that all tasks share.
enum Blocking {
    private static let threads = Threads()

    /// Runs a body on a thread of its own, in the same task: there it can see that the task was cancelled.
    ///
    /// - Parameter body: what to run
    /// - Returns: what it returns
    /// - Throws: what it throws
    @concurrent
    static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withTaskExecutorPreference(threads) { try body() }
    }

    private final class Threads: TaskExecutor {
        private let queue = DispatchQueue(label: "files", qos: .userInitiated, attributes: .concurrent)

        func enqueue(_ job: consuming ExecutorJob) {
            let job = UnownedJob(job)
            queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
        }
    }
}
