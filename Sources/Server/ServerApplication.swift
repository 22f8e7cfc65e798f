internal import Engine
internal import Glibc
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
        router.add(
            middleware: OriginMiddleware(
                hosts: core.keys == nil && settings.isLocal
                    ? ServerSettings.loopbackNames.union([settings.host.lowercased()]) : nil))
        InfoRoutes(core: core).add(to: router)
        let guarded = router.group().add(middleware: AuthenticationMiddleware(keys: core.keys))
        ImageRoutes(core: core).add(to: guarded)
        VideoRoutes(core: core).add(to: guarded)
        JobRoutes(core: core).add(to: guarded)
        ModelRoutes(core: core).add(to: guarded)
        MetricsRoutes(core: core).add(to: guarded)
        return router
    }

    /// The server without what makes it stop.
    ///
    /// - Parameter onServerRunning: told the port once it listens
    /// - Returns: Hummingbird's application
    package func application(
        onServerRunning: @escaping @Sendable (Int) async -> Void = { _ in }
    ) -> some ApplicationProtocol {
        let limits = core.limits
        var decoder = HTTP1Channel.Configuration.DecoderConfiguration()
        decoder.maxHeaderListSize = limits.headerBytes
        decoder.maxHeaderFieldSize = limits.headerBytes
        decoder.maxHeaderFieldCount = limits.headers
        let channel = HTTP1Channel.Configuration(
            idleTimeout: .seconds(Int64(limits.idleSeconds)), httpDecoderConfiguration: decoder)
        // What the framework would say at the start is said by the command.
        var log = core.log
        log.logLevel = max(log.logLevel, .notice)
        return Application(
            router: router, server: .http1(configuration: channel),
            configuration: ApplicationConfiguration(
                address: .hostname(settings.host, port: settings.port), serverName: nil, backlog: 1024,
                availableConnectionsDelegate: .maximum(limits.connections, logger: log)),
            onServerRunning: { await onServerRunning($0.localAddress?.port ?? settings.port) }, logger: log)
    }

    /// Takes up what an earlier process left, and serves until SIGTERM or SIGINT.
    ///
    /// Then nobody new is let in, waiting clients are sent away, and what is being computed may come to its end.
    ///
    /// - Parameter onServerRunning: told the port once it listens
    /// - Throws: ``ServerError``, or an error of the store
    package func run(onServerRunning: @escaping @Sendable (Int) async -> Void) async throws {
        try await core.jobs.recover()
        var configuration = ServiceGroupConfiguration(
            // The last is the first to stop.
            services: [core.jobs, application(onServerRunning: onServerRunning), DoorKeeper(jobs: core.jobs)],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: core.log)
        configuration.maximumGracefulShutdownDuration = .seconds(Self.stopSeconds)
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch let error as IOError {
            let reason = String(cString: strerror(error.errnoCode))
            throw ServerError.cannotListen(host: settings.host, port: settings.port, reason: reason)
        } catch let error as SocketAddressError.UnknownHost {
            throw ServerError.cannotListen(host: settings.host, port: settings.port, reason: error.errorDescription)
        }
        await core.model.worker.close()
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
