internal import Diffusion
internal import Dispatch
internal import Synchronization

/// Hands what a process makes to whoever asked for it, one part after another, on a thread of its own.
final class PartDelivery: Sendable {
    private let queue = DispatchQueue(label: "parts", qos: .userInitiated)
    private let deliver: OutputReceiver
    private let continuation: CheckedContinuation<StageTimes, any Error>
    /// Why no more parts are wanted.
    private let fault = Mutex<(any Error)?>(nil)

    /// - Parameters:
    ///   - deliver: given every part
    ///   - continuation: who waits for the end
    init(to deliver: @escaping OutputReceiver, _ continuation: CheckedContinuation<StageTimes, any Error>) {
        (self.deliver, self.continuation) = (deliver, continuation)
    }

    /// Hands on a part, after those that came before it.
    ///
    /// - Parameters:
    ///   - part: the part
    ///   - taken: told afterwards that another may come, or why none need
    func add(_ part: OutputPart, taken: @escaping @Sendable (_ fault: (any Error)?) -> Void) {
        queue.async { [self] in
            var fault = fault.withLock { $0 }
            if fault == nil {
                do { try deliver(part) } catch { fault = error }
                self.fault.withLock { $0 = $0 ?? fault }
            }
            taken(fault)
        }
    }

    /// Ends the wait, after the last part; where something failed, parts that were not handed on yet are not wanted.
    func end(_ result: Result<StageTimes, any Error>) {
        if case .failure(let error) = result { fault.withLock { $0 = $0 ?? error } }
        queue.async { [self] in
            continuation.resume(with: fault.withLock { $0 }.map { .failure($0) } ?? result)
        }
    }
}
