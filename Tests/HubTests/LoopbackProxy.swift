internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// A proxy on loopback that opens tunnels (`CONNECT`), all of them to one server.
final class LoopbackProxy: Sendable {
    /// What it was asked for.
    final class Log: Sendable {
        private let heads = Mutex<[String]>([])
        func append(_ head: String) { heads.withLock { $0.append(head) } }
        var all: [String] { heads.withLock { $0 } }
    }

    private let channel: any Channel
    let log = Log()

    /// - Parameter port: where every tunnel leads
    init(to port: Int) async throws {
        let log = log
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Tunnel(to: port, log))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    deinit { channel.close(promise: nil) }

    var port: Int { channel.localAddress?.port ?? 0 }
    /// The first lines of what came.
    var requests: [String] { log.all.compactMap { $0.split(separator: "\r\n").first.map(String.init) } }
}

/// The client's side of a tunnel: everything before the empty line is for the proxy.
private final class Tunnel: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let port: Int
    private let log: LoopbackProxy.Log
    private var head = ""
    private var server: (any Channel)?

    init(to port: Int, _ log: LoopbackProxy.Log) { (self.port, self.log) = (port, log) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        if let server { return server.writeAndFlush(bytes, promise: nil) }
        head += String(buffer: bytes)
        guard head.hasSuffix("\r\n\r\n") else { return }
        log.append(head)
        let client = context.channel
        ClientBootstrap(group: context.eventLoop)
            .channelInitializer { server in
                server.eventLoop.makeCompletedFuture {
                    try server.pipeline.syncOperations.addHandler(Way(back: client))
                }
            }
            .connect(host: "127.0.0.1", port: port)
            .assumeIsolated()
            .whenSuccess { server in
                self.server = server
                client.writeAndFlush(ByteBuffer(string: "HTTP/1.1 200 OK\r\n\r\n"), promise: nil)
            }
    }

    func channelInactive(context: ChannelHandlerContext) { server?.close(promise: nil) }
}

/// The server's side.
private final class Way: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    private let client: any Channel

    init(back client: any Channel) { self.client = client }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        client.writeAndFlush(unwrapInboundIn(data), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { client.close(promise: nil) }
}
