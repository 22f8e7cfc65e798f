internal import CTorch
package import Files

/// An operation on tensors that LibTorch refused.
package struct TensorError: BlamedError, Equatable {
    /// Why it failed, as far as a caller may act on it.
    package enum Kind: Equatable, Sendable {
        /// The device has no room: a smaller or a later request may succeed.
        case outOfMemory
        /// A bug, or a checkpoint that does not fit its model.
        case other
    }

    /// The operation that failed.
    package let operation: String
    /// LibTorch's own words.
    package let message: String
    /// Whether memory was short.
    package let kind: Kind

    /// The last failure of the calling thread.
    static func ofThisThread(in operation: StaticString) -> TensorError {
        TensorError(
            operation: "\(operation)", message: String(cString: ct_error_message()),
            kind: ct_error_kind() == CT_ERROR_OUT_OF_MEMORY ? .outOfMemory : .other)
    }
}

extension TensorError: CustomStringConvertible {
    package var blame: Blame { kind == .outOfMemory ? .memory : .bug }

    package var description: String {
        let reason = message.split(separator: "\n").first.map(String.init) ?? message
        return kind == .outOfMemory ? "out of memory in \(operation): \(reason)" : "\(operation) failed: \(reason)"
    }
}
