internal import HTTPTypes
internal import Synchronization

/// How many bytes all requests together may hold: bodies on their way, what is made of them, and decoded images.
///
/// An eighth is kept for small requests, so that large ones cannot shut them out.
package final class RequestMemory: Sendable {
    /// A request that holds no more counts as small, in bytes.
    package static let smallRequest = 1 << 20

    /// How many bytes there are.
    package let limit: Int
    private let used = Mutex(0)

    /// - Parameter limit: how many bytes there are
    package init(limit: Int) { self.limit = limit }

    /// How many are held now.
    package var bytes: Int { used.withLock { $0 } }

    /// One request's part, empty at first.
    package func share() -> Share { Share(of: self) }

    /// What one request holds; it is given back at the end at the latest.
    package final class Share: Sendable {
        private let memory: RequestMemory
        private let held = Mutex(0)

        fileprivate init(of memory: RequestMemory) { self.memory = memory }

        deinit { end() }

        /// Takes more, if there are as many.
        ///
        /// - Parameter count: how many more, in bytes
        /// - Throws: ``APIError``: 503 where others hold them, 413 where there never are as many
        package func grow(by count: Int) throws(APIError) {
            let limit = memory.limit
            let isTaken = held.withLock { held in
                let isSmall = held + count <= RequestMemory.smallRequest
                let room = isSmall ? limit : limit - limit / 8
                return memory.used.withLock { used in
                    guard used + count <= room else { return false }
                    used += count
                    held += count
                    return true
                }
            }
            if isTaken { return }
            guard held.withLock({ $0 }) + count <= limit - limit / 8 else {
                throw .invalid(
                    "the request needs more memory than the \(limit) bytes that there are for all requests",
                    code: "body_too_large", status: .contentTooLarge)
            }
            throw APIError(
                .serviceUnavailable, "server_error", code: "server_busy",
                "other requests hold the memory that this one needs", retryAfter: 2)
        }

        /// Takes more whether or not there are as many: for what was let in long ago.
        ///
        /// - Parameter count: how many more, in bytes
        package func take(_ count: Int) {
            held.withLock { $0 += count }
            memory.used.withLock { $0 += count }
        }

        /// Gives some back.
        ///
        /// - Parameter count: how many, in bytes
        package func shrink(by count: Int) {
            held.withLock { $0 -= count }
            memory.used.withLock { $0 -= count }
        }

        /// Gives all back.
        package func end() {
            let count = held.withLock { held in
                defer { held = 0 }
                return held
            }
            memory.used.withLock { $0 -= count }
        }
    }
}
