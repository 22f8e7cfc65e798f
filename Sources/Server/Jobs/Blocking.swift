internal import Dispatch

/// Work that keeps a thread busy: it must not take one of the few that all tasks share.
enum Blocking {
    private static let queue = DispatchQueue(label: "files", qos: .userInitiated, attributes: .concurrent)

    /// Runs a body on a thread of its own.
    ///
    /// - Parameter body: what to run
    /// - Returns: what it returns
    /// - Throws: what it throws
    static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result(catching: body)) }
        }
    }
}
