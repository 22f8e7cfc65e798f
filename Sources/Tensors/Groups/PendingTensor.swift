internal import CTorch

/// A tensor that other ranks send while the calling thread goes on.
package final class PendingTensor {
    private let operation: StaticString
    private let handle: ct_pending
    // Sending ends with the group.
    private let group: GroupHandle

    /// Takes over what a function of the shim started.
    ///
    /// - Parameters:
    ///   - operation: the operation's name, for the error
    ///   - handle: what was started, or nil when it failed on this thread
    ///   - group: the group it was started in
    /// - Throws: ``TensorError`` when it failed
    init(_ operation: StaticString, _ handle: ct_pending?, in group: GroupHandle) throws(TensorError) {
        guard let handle else { throw TensorError.ofThisThread(in: operation) }
        (self.operation, self.handle, self.group) = (operation, handle, group)
    }

    deinit { ct_pending_release(handle) }

    /// Waits for the tensor: on a GPU the calling thread's stream does.
    ///
    /// - Returns: the tensor, at every call
    /// - Throws: ``TensorError`` when a rank was lost
    package func value() throws(TensorError) -> Tensor {
        try Tensor(operation, ct_pending_wait(group.group, handle))
    }
}

/// Tensors that other ranks place parts in while the calling thread goes on.
package final class PendingTensors {
    private let handle: ct_pending
    private let count: Int
    // Sending ends with the group.
    private let group: GroupHandle

    /// Takes over what was started.
    ///
    /// - Parameters:
    ///   - handle: what was started, or nil when it failed on this thread
    ///   - count: how many tensors there will be
    ///   - group: the group it was started in
    /// - Throws: ``TensorError`` when it failed
    init(_ handle: ct_pending?, count: Int, in group: GroupHandle) throws(TensorError) {
        guard let handle else { throw TensorError.ofThisThread(in: "place") }
        (self.handle, self.count, self.group) = (handle, count, group)
    }

    deinit { ct_pending_release(handle) }

    /// Waits for the tensors, once: on a GPU the calling thread's stream does.
    ///
    /// - Returns: each tensor
    /// - Throws: ``TensorError`` when a rank was lost
    package func values() throws(TensorError) -> [Tensor] {
        var results = [ct_tensor?](repeating: nil, count: count)
        guard ct_pending_tensors(group.group, handle, &results, count) == 0 else {
            throw TensorError.ofThisThread(in: "place")
        }
        return try results.map { tensor throws(TensorError) in try Tensor("place", tensor) }
    }
}

@available(*, unavailable, message: "Tensors to come stay on the worker that asked for them.")
extension PendingTensors: Sendable {}

@available(*, unavailable, message: "A tensor to come stays on the worker that asked for it.")
extension PendingTensor: Sendable {}
