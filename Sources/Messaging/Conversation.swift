internal import CZeroMQ

/// One end's socket with the seals of both directions, held by one thread.
final class Conversation {
    private let socket: MessageSocket
    private let end: Channel.End
    private var outgoing, incoming: Envelope
    /// The routing of who proved to have the key; the engine's end needs none.
    private var peer: [UInt8]?
    /// A message sealed but not yet taken by the socket.
    private var waiting: [[UInt8]]?

    init(_ end: Channel.End, at path: String, key: MessageKey) throws(MessagingError) {
        socket = try MessageSocket(end, at: path)
        self.end = end
        (outgoing, incoming) =
            switch end {
            case .engine: (Envelope(.toWorker, key: key), Envelope(.toEngine, key: key))
            case .worker: (Envelope(.toEngine, key: key), Envelope(.toWorker, key: key))
            }
    }

    /// Waits for a message, room for one that has to be sent, or the bell.
    ///
    /// - Parameter bell: a descriptor that becomes readable
    func wait(for bell: Int32) {
        let events = waiting == nil ? ZMQ_POLLIN : ZMQ_POLLIN | ZMQ_POLLOUT
        var items = [
            zmq_pollitem_t(socket: socket.handle, fd: 0, events: Int16(events), revents: 0),
            zmq_pollitem_t(socket: nil, fd: bell, events: Int16(ZMQ_POLLIN), revents: 0),
        ]
        zmq_poll(&items, Int32(items.count), -1)
    }

    /// Sends messages as far as the socket takes them.
    ///
    /// - Parameter bodies: what is said
    /// - Returns: how many are done with
    func send(_ bodies: [[UInt8]]) -> Int {
        for (index, body) in bodies.enumerated() {
            if waiting == nil {
                switch end {
                case .engine: waiting = [outgoing.seal(body)]
                case .worker:
                    guard let peer else { return index }
                    waiting = [peer, outgoing.seal(body)]
                }
            }
            guard let parts = waiting, socket.send(parts) else { return index }
            waiting = nil
        }
        return bodies.count
    }

    /// The next message, or why it is refused; nil if there is none.
    func receive() -> Result<[UInt8], MessagingError>? {
        guard let parts = socket.receive() else { return nil }
        let expected = end == .worker ? 2 : 1
        guard parts.count == expected, let sealed = parts.last else { return .failure(.notAuthentic) }
        do throws(MessagingError) {
            let body = try incoming.open(sealed)
            if end == .worker { peer = parts[0] }
            return .success(body)
        } catch {
            return .failure(error)
        }
    }
}
