internal import CZeroMQ
internal import Glibc

/// A ZeroMQ socket of one thread.
///
/// The worker's end serves: it listens at a path and answers whoever proved to have the key. The engine's end connects.
final class MessageSocket {
    /// No message may be longer, header and tag included.
    static let longestMessage = Channel.longestMessage + 1024

    private let context: UnsafeMutableRawPointer
    let handle: UnsafeMutableRawPointer

    /// - Parameters:
    ///   - end: which end this is
    ///   - path: of the socket, in a folder that only this user may enter
    /// - Throws: ``MessagingError/system(_:reason:)``
    init(_ end: Channel.End, at path: String) throws(MessagingError) {
        guard let context = zmq_ctx_new() else { throw Self.failure("zmq_ctx_new") }
        let kind: Int32 =
            switch end {
            case .worker: ZMQ_ROUTER
            case .engine: ZMQ_DEALER
            }
        guard let handle = zmq_socket(context, kind) else {
            let failure = Self.failure("zmq_socket")
            zmq_ctx_term(context)
            throw failure
        }
        (self.context, self.handle) = (context, handle)
        Self.set(handle, ZMQ_LINGER, 0)
        Self.set(handle, ZMQ_RECONNECT_IVL, 5)
        var longest = Int64(Self.longestMessage)
        zmq_setsockopt(handle, ZMQ_MAXMSGSIZE, &longest, MemoryLayout<Int64>.size)
        let status =
            switch end {
            case .worker: zmq_bind(handle, "ipc://\(path)")
            case .engine: zmq_connect(handle, "ipc://\(path)")
            }
        guard status == 0 else { throw Self.failure("opening the socket \(path)") }
    }

    deinit {
        zmq_close(handle)
        zmq_ctx_term(context)
    }

    /// Sends a message if there is room for it.
    ///
    /// - Parameter parts: its parts, at least one
    /// - Returns: false if it has to be tried again later
    func send(_ parts: [[UInt8]]) -> Bool {
        for (index, part) in parts.enumerated() {
            let more = index < parts.count - 1 ? ZMQ_SNDMORE : 0
            if zmq_send(handle, part, part.count, ZMQ_DONTWAIT | more) < 0 { return errno != EAGAIN }
        }
        return true
    }

    /// Takes the next message if there is one.
    ///
    /// - Returns: its parts, or nil
    func receive() -> [[UInt8]]? {
        let message = UnsafeMutablePointer<zmq_msg_t>.allocate(capacity: 1)
        defer { message.deallocate() }
        var parts: [[UInt8]] = []
        repeat {
            zmq_msg_init(message)
            defer { zmq_msg_close(message) }
            guard zmq_msg_recv(message, handle, ZMQ_DONTWAIT) >= 0 else { return nil }
            // No message of ours has more than two.
            guard parts.count < 3 else { continue }
            parts.append([UInt8](UnsafeRawBufferPointer(start: zmq_msg_data(message), count: zmq_msg_size(message))))
        } while zmq_msg_more(message) != 0
        return parts
    }

    private static func set(_ handle: UnsafeMutableRawPointer, _ option: Int32, _ value: Int32) {
        var value = value
        zmq_setsockopt(handle, option, &value, MemoryLayout<Int32>.size)
    }

    private static func failure(_ call: String) -> MessagingError {
        .system(call, reason: String(cString: zmq_strerror(zmq_errno())))
    }
}
