internal import Glibc
internal import Logging
internal import NIOCore

/// Lets a listening socket rest while there are no descriptors for new connections, and says so.
///
/// NIO's own handler for this does not: the socket stays registered, and one thread does nothing but ask again.
final class AcceptPause: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private static let pause = TimeAmount.milliseconds(200)
    /// So often the log is told.
    private static let reportInterval = TimeAmount.seconds(60)

    private let log: Logger
    private var nextReport = NIODeadline.uptimeNanoseconds(0)

    /// - Parameter log: told of pauses
    private init(log: Logger) { self.log = log }

    /// Watches over a socket.
    ///
    /// - Parameters:
    ///   - channel: the listening socket's
    ///   - log: told of pauses
    static func watch(_ channel: any Channel, log: Logger) {
        channel.eventLoop.execute {
            try? channel.pipeline.syncOperations.addHandler(AcceptPause(log: log), position: .first)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let failure = error as? IOError, [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(failure.errnoCode) else {
            return context.fireErrorCaught(error)
        }
        if nextReport <= .now() {
            nextReport = .now() + Self.reportInterval
            log.warning(
                "no more connections can be accepted for now",
                metadata: ["reason": "\(String(cString: strerror(failure.errnoCode)))"])
        }
        let channel = context.channel
        channel.setOption(.autoRead, value: false).whenSuccess {
            channel.eventLoop.scheduleTask(in: Self.pause) { _ = channel.setOption(.autoRead, value: true) }
        }
    }
}
