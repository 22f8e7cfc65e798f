internal import CLinux
internal import Foundation
internal import Glibc

/// Messages between the engine and one worker, in order, sealed with a key that only the two have.
///
/// A thread of its own holds the socket. What comes from anyone else is dropped and counted.
// @unchecked: everything that changes is only touched while holding `lock`.
package final class Channel: @unchecked Sendable {
    /// Which of the two.
    package enum End: Sendable {
        case engine
        case worker
    }

    /// What a channel hands on.
    package enum Event: Sendable {
        case message([UInt8])
        /// The other end has the key, but is not of this program's version.
        case unusable(MessagingError)
    }

    /// The longest that may be said, in bytes; what is large goes through ``SharedBuffer``.
    package static let longestMessage = 64 << 20

    private let lock = NSLock()
    private var outbox: [[UInt8]] = []
    private var isClosed = false
    private var refused = 0
    /// A pipe whose reading end wakes the thread when something is to be sent.
    private let bell, rope: Int32

    /// Opens one end; the thread begins at once.
    ///
    /// - Parameters:
    ///   - end: which end this is; the worker's listens
    ///   - path: of the socket, in a folder that only this user may enter
    ///   - key: what both ends have
    ///   - handle: told of every event, in order, by the channel's thread
    /// - Throws: ``MessagingError/system(_:reason:)``
    package init(
        _ end: End, at path: String, key: MessageKey, handle: @escaping @Sendable (Event) -> Void
    ) throws(MessagingError) {
        var ends: [Int32] = [-1, -1]
        guard linux_pipe(&ends, O_NONBLOCK) == 0 else {
            throw .system("pipe", reason: String(cString: strerror(errno)))
        }
        (bell, rope) = (ends[0], ends[1])
        // Handed to the thread, and not touched here again.
        nonisolated(unsafe) let conversation = try Conversation(end, at: path, key: key)
        let thread = Thread { [self] in run(conversation, handle) }
        thread.name = "messages"
        thread.start()
    }

    deinit {
        Glibc.close(bell)
        Glibc.close(rope)
    }

    /// How many messages were dropped as nobody with the key had sent them.
    package var refusedMessages: Int { lock.withLock { refused } }

    /// Sends a message as soon as the other end is there.
    ///
    /// - Parameter body: what is said
    /// - Throws: ``MessagingError/tooLong(bytes:limit:)``
    package func send(_ body: [UInt8]) throws(MessagingError) {
        let limit = Self.longestMessage
        guard body.count <= limit else { throw .tooLong(bytes: body.count, limit: limit) }
        lock.withLock { outbox.append(body) }
        ring()
    }

    /// Ends the thread, once what was to be sent is with the socket.
    package func close() {
        lock.withLock { isClosed = true }
        ring()
    }

    private func ring() {
        var stroke: UInt8 = 0
        _ = write(rope, &stroke, 1)
    }

    private func run(_ conversation: Conversation, _ handle: (Event) -> Void) {
        var strokes = [UInt8](repeating: 0, count: 64)
        while true {
            conversation.wait(for: bell)
            _ = read(bell, &strokes, strokes.count)
            while let received = conversation.receive() {
                do throws(MessagingError) {
                    handle(.message(try received.get()))
                } catch .notAuthentic {
                    lock.withLock { refused += 1 }
                } catch {
                    handle(.unusable(error))
                }
            }
            let (bodies, isOver) = lock.withLock { (outbox, isClosed) }
            let sent = conversation.send(bodies)
            lock.withLock { outbox.removeFirst(sent) }
            if isOver { return }
        }
    }
}
