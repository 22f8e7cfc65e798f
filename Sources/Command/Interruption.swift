internal import Dispatch
internal import Foundation
internal import Synchronization

/// Ctrl-C.
enum Interruption {
    /// How long a stage that cannot be cancelled may go on before the process ends all the same.
    private static let patience = DispatchTimeInterval.seconds(2)

    /// Whether the body has ended by itself; locked for good by what ends the process in its place.
    private static let isOver = Mutex(false)

    /// Runs a body, cancelled by SIGINT or SIGTERM.
    ///
    /// A stage that does not notice within two seconds is cut short; no file is ever half written, since files get
    /// their names when they are whole.
    ///
    /// - Parameter body: what to run
    /// - Throws: `CancellationError` when interrupted, else what the body throws
    static func cancelling(_ body: @escaping @Sendable () async throws -> Void) async throws {
        let task = Task { try await body() }
        let queue = DispatchQueue(label: "signals")
        let sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler {
                task.cancel()
                queue.asyncAfter(deadline: .now() + patience, execute: endTheProcess)
            }
            source.resume()
            return source
        }
        defer {
            for source in sources { source.cancel() }
            isOver.withLock { $0 = true }
        }
        try await task.value
        // A body that had no more place to notice is interrupted all the same.
        if task.isCancelled { throw CancellationError() }
    }

    @Sendable private static func endTheProcess() {
        isOver.withLock { isOver in
            guard !isOver else { return }
            StandardError.write("visualgen: interrupted\n")
            _exit(ExitStatus.interrupted.rawValue)
        }
    }
}
