internal import CTorch

/// Measures what the calling thread's device does between two moments.
///
/// A GPU works while the thread goes on: there the moments are events of its stream, and ``elapsed()`` waits for the second.
package struct Stopwatch {
    private let start: ContinuousClock.Instant
    private let event: Event?

    /// Starts.
    package init() throws(TensorError) {
        event = ct_entered_device() < 0 ? nil : try Event()
        start = .now
    }

    /// - Returns: the seconds since the start
    /// - Throws: ``TensorError``, also of what the GPU was asked before
    package func elapsed() throws(TensorError) -> Double {
        guard let event else { return (ContinuousClock.now - start) / .seconds(1) }
        return try Event().seconds(since: event)
    }

    /// A moment on a GPU.
    private final class Event {
        private let handle: ct_moment

        init() throws(TensorError) {
            guard let handle = ct_moment_now() else { throw TensorError.ofThisThread(in: "moment") }
            self.handle = handle
        }

        deinit { ct_moment_release(handle) }

        func seconds(since earlier: Event) throws(TensorError) -> Double {
            var seconds = 0.0
            guard ct_moment_seconds(earlier.handle, handle, &seconds) == 0 else {
                throw TensorError.ofThisThread(in: "moment")
            }
            return seconds
        }
    }
}
