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

@available(*, unavailable, message: "A tensor to come stays on the worker that asked for it.")
extension PendingTensor: Sendable {}
