internal import CTorch

/// Tensors that other ranks send, or place parts in, while the calling thread goes on.
package final class PendingTensors {
    private let operation: StaticString
    private let handle: ct_pending
    private let count: Int
    // Sending ends with the group.
    private let group: GroupHandle

    /// Takes over what a function of the shim started.
    ///
    /// - Parameters:
    ///   - operation: the operation's name, for the error
    ///   - handle: what was started, or nil when it failed on this thread
    ///   - count: how many tensors there will be, at least 1
    ///   - group: the group it was started in
    /// - Throws: ``TensorError`` when it failed
    init(_ operation: StaticString, _ handle: ct_pending?, count: Int = 1, in group: GroupHandle) throws(TensorError) {
        guard let handle else { throw TensorError.ofThisThread(in: operation) }
        (self.operation, self.handle, self.count, self.group) = (operation, handle, count, group)
    }

    deinit { ct_pending_release(handle) }

    /// Waits for the tensors: on a GPU the calling thread's stream does.
    ///
    /// - Returns: each tensor, at every call
    /// - Throws: ``TensorError`` when a rank was lost
    package func values() throws(TensorError) -> [Tensor] {
        var results = [ct_tensor?](repeating: nil, count: count)
        guard ct_pending_wait(group.group, handle, &results, count) == 0 else {
            throw TensorError.ofThisThread(in: operation)
        }
        return try results.map { tensor throws(TensorError) in try Tensor(operation, tensor) }
    }

    /// Waits for the first tensor, which is the only one where one was sent.
    ///
    /// - Returns: the tensor, at every call
    /// - Throws: as ``values()``
    package func value() throws(TensorError) -> Tensor { try values()[0] }
}

@available(*, unavailable, message: "Tensors to come stay on the worker that asked for them.")
extension PendingTensors: Sendable {}
