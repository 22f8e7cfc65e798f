package import Files

/// What can go wrong between two processes.
package enum MessagingError: BlamedError, Equatable {
    /// A message from someone without the key, or one said again.
    case notAuthentic
    /// The other end is of another version.
    case version(found: UInt32, expected: UInt32)
    /// A message longer than any that is taken.
    case tooLong(bytes: Int, limit: Int)
    /// A call of the system or of ZeroMQ, and its reason.
    case system(String, reason: String)
}

extension MessagingError: CustomStringConvertible {
    package var blame: Blame { if case .tooLong = self { .request } else { .unavailable } }

    package var description: String {
        switch self {
        case .notAuthentic: "a message came from someone without the key"
        case .version(let found, let expected):
            "the worker's messages are of version \(found), this program's of version \(expected): "
                + "both must be of one build"
        case .tooLong(let bytes, let limit): "a message of \(bytes) bytes is too long; at most \(limit) are sent"
        case .system(let call, let reason): "\(call) failed: \(reason)"
        }
    }
}
