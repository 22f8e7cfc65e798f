internal import Dispatch

/// How many parts of an output may be on their way to the engine, so that none pile up where it is slower.
struct PartAllowance: Sendable {
    /// One is being encoded or written while the next is being decoded.
    static let count = 2

    private let free = DispatchSemaphore(value: count)

    /// Waits until another part may be sent.
    ///
    /// - Parameter wait: told again and again while it waits
    /// - Throws: `CancellationError` if the task is cancelled meanwhile
    func take(whileWaiting wait: () -> Void) throws(CancellationError) {
        while free.wait(timeout: .now() + .milliseconds(100)) == .timedOut {
            if Task.isCancelled { throw CancellationError() }
            wait()
        }
    }

    /// A part has arrived and is done with, or was not sent.
    func giveBack() { free.signal() }
}
