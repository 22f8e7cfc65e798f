internal import Glibc
internal import NIOCore
internal import NIOHTTPTypes

/// Closes a connection whose client has read nothing for the idle limit.
///
/// What waits to be written holds memory, a file and one of the connections.
// @unchecked: NIO calls it, and what it schedules, on its channel's event loop only.
final class StalledWriteHandler: ChannelOutboundHandler, RemovableChannelHandler, @unchecked Sendable {
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let limit: TimeAmount
    private var pendingWrites = 0
    /// Bytes that waited when last looked at.
    private var waitingBytes = 0
    private var lastProgress = NIODeadline.now()
    private var check: Scheduled<Void>?

    /// - Parameter limit: how long a client may take nothing
    init(limit: TimeAmount) { self.limit = limit }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let promise = promise ?? context.eventLoop.makePromise(of: Void.self)
        if pendingWrites == 0 { (lastProgress, waitingBytes) = (.now(), 0) }
        pendingWrites += 1
        promise.futureResult.assumeIsolated().whenComplete { _ in
            self.pendingWrites -= 1
            self.lastProgress = .now()
        }
        context.write(data, promise: promise)
        schedule(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) { check?.cancel() }

    private func schedule(_ context: ChannelHandlerContext) {
        guard check == nil else { return }
        let loop = context.eventLoop.assumeIsolated()
        let channel = context.channel
        check = loop.scheduleTask(in: .nanoseconds(max(limit.nanoseconds / 8, 1_000_000))) {
            self.check = nil
            guard self.pendingWrites > 0, channel.isActive else { return }
            self.look(channel, context)
        }
    }

    private func look(_ channel: any Channel, _ context: ChannelHandlerContext) {
        let bytes = (try? channel.syncOptions?.getOption(ChannelOptions.bufferedWritableBytes)) ?? 0
        if bytes < waitingBytes { lastProgress = .now() }
        waitingBytes = bytes
        guard NIODeadline.now() - lastProgress >= limit else { return schedule(context) }
        // Without this the system would keep what it has taken over, and wait for the client itself.
        (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in
            channel.close(promise: nil)
        }
    }
}
