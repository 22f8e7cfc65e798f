internal import Engine
package import Hummingbird
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import ServiceLifecycle
internal import UnixSignals

/// The server: its routes, and its life.
package struct ServerApplication: Sendable {
    private let core: ServerCore
    private let settings: ServerSettings

    /// How long a stop may take in all, before what is still going on is cut off.
    private static let stopSeconds = 27

    /// - Parameters:
    ///   - core: what the routes share
    ///   - settings: how the server was configured
    package init(_ core: ServerCore, _ settings: ServerSettings) { (self.core, self.settings) = (core, settings) }

    /// The routes.
    package var router: Router<APIContext> {
        let router = Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: RequestMiddleware(metrics: core.metrics, routes: .standard, log: core.log))
        router.add(middleware: RequestHeadMiddleware())
        router.add(
            middleware: OriginMiddleware(
                hosts: core.keys == nil && settings.isLocal
                    ? ServerSettings.loopbackNames.union([ListeningHost(settings.host).authority]) : nil))
        let query = QueryMiddleware(routes: .standard)
        InfoRoutes(core: core).add(to: router.group().add(middleware: query))
        let guarded = router.group().add(middleware: AuthenticationMiddleware(keys: core.keys)).add(middleware: query)
        ImageRoutes(core: core).add(to: guarded)
        VideoRoutes(core: core).add(to: guarded)
        JobRoutes(core: core).add(to: guarded)
        ModelRoutes(core: core).add(to: guarded)
        MetricsRoutes(core: core).add(to: guarded)
        return router
    }

    /// The server at one address, without what makes it stop.
    ///
    /// - Parameter onServerRunning: told the port once it listens
    /// - Returns: Hummingbird's application
    package func application(
        onServerRunning: @escaping @Sendable (Int) async -> Void
    ) -> some ApplicationProtocol {
        application(
            router.buildResponder(), at: settings.host, port: settings.port, of: 1, onServerRunning: onServerRunning)
    }

    private func application(
        _ responder: some HTTPResponder<APIContext>, at address: String, port: Int, of addresses: Int,
        onServerRunning: @escaping @Sendable (Int) async -> Void
    ) -> some ApplicationProtocol {
        let limits = core.limits
        var decoder = HTTP1Channel.Configuration.DecoderConfiguration()
        decoder.maxHeaderListSize = limits.headerBytes
        decoder.maxHeaderFieldSize = limits.headerBytes
        decoder.maxHeaderFieldCount = limits.headers
        let channel = HTTP1Channel.Configuration(
            additionalChannelHandlers: [
                RequestHeadHandler(), ConnectionWatch(),
                StalledWriteHandler(limit: .seconds(Int64(limits.idleSeconds))),
            ],
            idleTimeout: .seconds(Int64(limits.idleSeconds)), httpDecoderConfiguration: decoder)
        // What the framework would say at the start is said by the command.
        var log = core.log
        log.logLevel = max(log.logLevel, .notice)
        // At several addresses they share what may be open.
        let room = DescriptorLimit.current().map { $0.connections(besides: core.model.workers.count) / addresses }
        let connections = min(limits.connections, room ?? limits.connections)
        return Application(
            responder: responder, server: .http1(configuration: channel),
            configuration: ApplicationConfiguration(
                address: .hostname(address, port: port), serverName: nil, backlog: 1024,
                availableConnectionsDelegate: .maximum(connections, logger: log)),
            onServerRunning: { [log] channel in
                AcceptPause.watch(channel, log: log)
                await onServerRunning(channel.localAddress?.port ?? port)
            }, logger: log)
    }

    /// The server at every address of its host.
    private func listener(_ onListening: @escaping @Sendable (Int) async -> Void) async throws -> Listener {
        let responder = router.buildResponder()
        let host = ListeningHost(settings.host)
        let addresses = try await Blocking.run { host.addresses() }
        return Listener(
            host: host.name, port: settings.port, addresses: addresses, log: core.log, onListening: onListening
        ) { address, port, onListening in
            try await application(
                responder, at: address, port: port, of: addresses.count, onServerRunning: onListening
            ).run()
        }
    }

    /// Takes up what an earlier process left, and serves until SIGTERM or SIGINT.
    ///
    /// Then nobody new is let in, waiting clients are sent away, and what is being computed may come to its end.
    ///
    /// - Parameter onServerRunning: told the port once it listens
    /// - Throws: ``ServerError``, or an error of the store
    package func run(onServerRunning: @escaping @Sendable (Int) async -> Void) async throws {
        let before = DescriptorLimit.current()?.soft
        if let raised = DescriptorLimit.raise() {
            core.log.info(
                "more files and connections may be open now",
                metadata: ["limit": "\(raised.soft)", "before": "\(before ?? 0)"])
        }
        try await core.jobs.recover()
        var configuration = ServiceGroupConfiguration(
            // The last is the first to stop.
            services: [
                core.jobs, KeyWatch(keys: core.keys), try await listener(onServerRunning), DoorKeeper(jobs: core.jobs),
            ],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: core.log)
        configuration.maximumGracefulShutdownDuration = .seconds(Self.stopSeconds)
        try await ServiceGroup(configuration: configuration).run()
        await core.model.workers.close()
    }
}

/// Sends those away that wait, as soon as the server is to stop.
private struct DoorKeeper: Service {
    let jobs: JobService

    func run() async throws {
        try? await gracefulShutdown()
        await jobs.close()
    }
}
