internal import Diffusion
internal import Synchronization

/// A request that is being served: it can be awaited, watched and called off.
public final class VisualGenResult<Value: Sendable>: Sendable {
    private let task: Task<Value, any Error>
    private let flag = FinishFlag()

    /// Every change of the request, in order, from the time it was asked for; one reader gets them all.
    public let progress: AsyncStream<VisualGenProgress>

    init(_ run: @escaping @Sendable (@escaping @Sendable (VisualGenProgress) -> Void) async throws -> Value) {
        let (progress, continuation) = AsyncStream.makeStream(of: VisualGenProgress.self)
        self.progress = progress
        task = Task { [flag] in
            defer {
                flag.set()
                continuation.finish()
            }
            return try await run { continuation.yield($0) }
        }
    }

    /// Whether it is over, well or not.
    public var isDone: Bool { flag.isSet }

    /// The result, waited for.
    ///
    /// A waiting task that is cancelled does not call the request off: others may wait for it too.
    public var value: Value {
        get async throws { try await task.value }
    }

    /// The result, waited for no longer than a time; then the request is called off.
    ///
    /// - Parameter timeout: how long
    /// - Returns: the result
    /// - Throws: ``VisualGenError/timedOut(seconds:)``, or what the request throws
    public func value(timeout: Duration) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let first = FirstAnswer(continuation)
            let clock = Task { [task] in
                try await Task.sleep(for: timeout)
                task.cancel()
                first.answer(.failure(VisualGenError.timedOut(seconds: timeout.seconds)))
            }
            Task { [task] in
                first.answer(await task.result)
                clock.cancel()
            }
        }
    }

    /// Calls the request off: within one denoising step it ends with `CancellationError`.
    public func cancel() { task.cancel() }
}

/// Set once.
private final class FinishFlag: Sendable {
    private let value = Mutex(false)
    var isSet: Bool { value.withLock { $0 } }
    func set() { value.withLock { $0 = true } }
}

/// Of two answers the first.
private final class FirstAnswer<Value: Sendable>: Sendable {
    private let continuation: Mutex<CheckedContinuation<Value, any Error>?>

    init(_ continuation: CheckedContinuation<Value, any Error>) { self.continuation = Mutex(continuation) }

    func answer(_ result: Result<Value, any Error>) {
        let waiting = continuation.withLock { waiting in
            defer { waiting = nil }
            return waiting
        }
        waiting?.resume(with: result)
    }
}
