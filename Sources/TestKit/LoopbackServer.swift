internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

/// An HTTP server on loopback, up until its end of life.
package final class LoopbackServer: Sendable {
    /// A request as it came.
    package struct Request: Sendable {
        /// Path and query, not decoded.
        package let path: String
        package let headers: [String: String]
        package fileprivate(set) var body: [UInt8] = []

        package subscript(_ header: String) -> String? { headers[header.lowercased()] }
    }

    /// What goes back.
    package struct Reply: Sendable {
        package var status: Int
        package var headers: [String: String]
        package var body: [UInt8]
        /// How many bytes of the body are sent before the connection ends without warning.
        package var cut: Int?
        /// How many bytes of the body are sent before nothing happens any more.
        package var stall: Int?
        /// The wait before anything is sent, in milliseconds.
        package var delay = 0
        /// Whether nothing is ever sent.
        package var isSilent = false

        package init(status: Int = 200, headers: [String: String] = [:], body: [UInt8] = []) {
            (self.status, self.headers, self.body) = (status, headers, body)
        }
    }

    private struct State {
        var requests: [Request] = []
        var active = 0
        var mostActive = 0
    }

    private let channel: any Channel
    package let log: Log

    /// What the handlers of all connections share.
    package final class Log: Sendable {
        private let state = Mutex(State())

        fileprivate func begin(_ request: Request) {
            state.withLock { state in
                state.requests.append(request)
                state.active += 1
                state.mostActive = max(state.mostActive, state.active)
            }
        }

        fileprivate func end() { state.withLock { $0.active -= 1 } }
        fileprivate var requests: [Request] { state.withLock { $0.requests } }
        /// The most requests that were being answered at one time.
        package var mostActive: Int { state.withLock { $0.mostActive } }
    }

    /// - Parameter answer: to each request
    /// - Throws: an error of the system
    package init(answer: @escaping @Sendable (Request) -> Reply) async throws {
        let log = Log()
        self.log = log
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 64)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(log, answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    deinit { channel.close(promise: nil) }

    package var port: Int { channel.localAddress?.port ?? 0 }
    package var address: String { "http://127.0.0.1:\(port)" }
    package var requests: [Request] { log.requests }
    /// The most requests that were being answered at one time.
    package var mostActive: Int { log.mostActive }
}

private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart

    private let log: LoopbackServer.Log
    private let answer: @Sendable (LoopbackServer.Request) -> LoopbackServer.Reply
    private var request: LoopbackServer.Request?

    init(
        _ log: LoopbackServer.Log, _ answer: @escaping @Sendable (LoopbackServer.Request) -> LoopbackServer.Reply
    ) {
        (self.log, self.answer) = (log, answer)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            let headers = head.headers.map { ($0.name.lowercased(), $0.value) }
            request = LoopbackServer.Request(
                path: head.uri, headers: Dictionary(headers) { first, _ in first })
        case .body(let bytes): request?.body += bytes.readableBytesView
        case .end:
            guard let request else { return }
            log.begin(request)
            let (reply, channel, log) = (answer(request), context.channel, log)
            if reply.isSilent { return }
            context.eventLoop.scheduleTask(in: .milliseconds(Int64(reply.delay))) {
                Self.send(reply, channel)
                log.end()
            }
        }
    }

    private static func send(_ reply: LoopbackServer.Reply, _ channel: any Channel) {
        var headers = HTTPHeaders([("Content-Length", String(reply.body.count))])
        for (name, value) in reply.headers { headers.replaceOrAdd(name: name, value: value) }
        let status = HTTPResponseStatus(statusCode: reply.status)
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        let body = reply.body.prefix(reply.cut ?? reply.stall ?? reply.body.count)
        let sent = channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: body))))
        if reply.stall != nil { return }
        if reply.cut != nil { return sent.whenComplete { _ in channel.close(promise: nil) } }
        channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil)
    }
}
