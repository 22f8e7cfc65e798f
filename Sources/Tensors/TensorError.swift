internal import CTorch
package import Files

/// An operation on tensors that LibTorch refused.
package struct TensorError: BlamedError, Equatable {
    /// Why it failed, as far as a caller may act on it.
    package enum Kind: Equatable, Sendable {
        /// The device has no room: a smaller or a later request may succeed.
        case outOfMemory
        /// A rank of the group is gone or did not answer in time: the group has ended, another may be made.
        case peerLost
        /// A bug, or a checkpoint that does not fit its model.
        case other
    }

    /// The operation that failed.
    package let operation: String
    /// LibTorch's own words.
    package let message: String
    /// Whether memory was short, or a rank was lost.
    package let kind: Kind

    /// - Parameters:
    ///   - operation: what failed
    ///   - message: why
    ///   - kind: whether memory was short, or a rank was lost
    package init(operation: String, message: String, kind: Kind = .other) {
        (self.operation, self.message, self.kind) = (operation, message, kind)
    }

    /// The last failure of the calling thread.
    static func ofThisThread(in operation: StaticString) -> TensorError {
        let kind: Kind =
            switch ct_error_kind() {
            case CT_ERROR_OUT_OF_MEMORY: .outOfMemory
            case CT_ERROR_PEER_LOST: .peerLost
            default: .other
            }
        return TensorError(operation: "\(operation)", message: String(cString: ct_error_message()), kind: kind)
    }
}

extension TensorError: CustomStringConvertible {
    package var blame: Blame {
        switch kind {
        case .outOfMemory: .memory
        case .peerLost: .worker
        case .other: .bug
        }
    }

    package var description: String {
        let reason = message.split(separator: "\n").first.map(String.init) ?? message
        return switch kind {
        case .outOfMemory: "out of memory in \(operation): \(reason)"
        case .peerLost: "another rank is gone or did not answer in time, in \(operation): \(reason)"
        case .other: "\(operation) failed: \(reason)"
        }
    }
}
