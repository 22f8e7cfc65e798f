internal import NIOCore
internal import Synchronization

/// A client's connection, for those who work for the client and would stop if it went away.
final class ClientConnection: Sendable {
    private struct State {
        var isOver = false
        var watchers: [Int: @Sendable () -> Void] = [:]
    }

    private let state = Mutex(State())

    /// The connection of a channel.
    ///
    /// - Parameter channel: the client's, with a ``ConnectionWatch``
    /// - Returns: the connection; one that never ends for a channel without
    static func of(_ channel: any Channel) async -> ClientConnection {
        let watch = channel.eventLoop.submit {
            try channel.pipeline.syncOperations.handler(type: ConnectionWatch.self).connection
        }
        return (try? await watch.get()) ?? ClientConnection()
    }

    /// Does something that ends when the client goes away.
    ///
    /// - Parameter body: what to do; its task is cancelled then
    /// - Returns: what it returns
    /// - Throws: what it throws, `CancellationError` if the client went away
    func whileOpen<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        let task = Task { try await body() }
        return try await watching {
            try await withTaskCancellationHandler {
                try await task.value
            } onCancel: {
                task.cancel()
            }
        } whenGone: {
            task.cancel()
        }
    }

    /// Does something during which the client may go away.
    ///
    /// - Parameters:
    ///   - body: what to do
    ///   - gone: told once if the client goes away meanwhile, or has gone
    /// - Returns: what the body returns
    /// - Throws: what the body throws
    func watching<Value>(
        _ body: () async throws -> Value, whenGone gone: @escaping @Sendable () -> Void
    ) async rethrows -> Value {
        let key = watch(gone)
        defer { state.withLock { _ = $0.watchers.removeValue(forKey: key) } }
        return try await body()
    }

    private func watch(_ watcher: @escaping @Sendable () -> Void) -> Int {
        let (key, isOver) = state.withLock { state in
            let key = (state.watchers.keys.max() ?? 0) + 1
            state.watchers[key] = watcher
            return (key, state.isOver)
        }
        if isOver { watcher() }
        return key
    }

    fileprivate func end() {
        let watchers = state.withLock { state in
            state.isOver = true
            return Array(state.watchers.values)
        }
        for watcher in watchers { watcher() }
    }
}

/// Notices when a client closes its connection, or its half of it.
final class ConnectionWatch: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    let connection = ClientConnection()

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event as? ChannelEvent == .inputClosed { connection.end() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        connection.end()
        context.fireChannelInactive()
    }
}
