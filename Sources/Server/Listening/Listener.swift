internal import Glibc
package import Logging
internal import NIOCore
internal import ServiceLifecycle

/// Listens at several addresses at one port, as one service.
package struct Listener: Service {
    /// Serves at one address and port, and tells its port once it listens.
    package typealias Serve =
        @Sendable (_ address: String, _ port: Int, _ onListening: @escaping @Sendable (Int) async -> Void) async throws
        -> Void

    private enum Event {
        case listening(port: Int)
        case ended((any Error)?)
    }

    /// A port that was free at one address and is not at another.
    private struct TakenElsewhere: Error { let cause: ServerError }

    private let host: String
    private let port: Int
    private let addresses: [String]
    private let log: Logger
    private let onListening: @Sendable (Int) async -> Void
    private let serve: Serve

    /// So many ports are tried where any will do.
    private static let mostAttempts = 16

    /// - Parameters:
    ///   - host: what the owner calls it, for messages
    ///   - port: 0 for one that is free at all addresses
    ///   - addresses: numeric ones; those that this machine does not have are left out if it has another
    ///   - log: told of those
    ///   - onListening: told the port once all are listened at
    ///   - serve: serves at one of them until it is to stop
    package init(
        host: String, port: Int, addresses: [String], log: Logger,
        onListening: @escaping @Sendable (Int) async -> Void, serve: @escaping Serve
    ) {
        (self.host, self.port, self.addresses, self.log) = (host, port, addresses, log)
        (self.onListening, self.serve) = (onListening, serve)
    }

    /// Serves until the service is to stop.
    ///
    /// - Throws: ``ServerError/cannotListen(host:port:reason:)``
    package func run() async throws {
        guard !addresses.isEmpty else { throw ServerError.noHost(host, port: port) }
        for _ in 1..<Self.mostAttempts {
            do {
                return try await serveAll()
            } catch let error as TakenElsewhere {
                log.debug("another port is tried", metadata: ["reason": "\(error.cause)"])
            }
        }
        do { try await serveAll() } catch let error as TakenElsewhere { throw error.cause }
    }

    private func serveAll() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var (port, served) = (port, 0)
            var missing: ServerError?
            for address in addresses {
                let (events, continuation) = AsyncStream<Event>.makeStream()
                group.addTask { [port] in
                    do {
                        try await serve(address, port) { continuation.yield(.listening(port: $0)) }
                        continuation.yield(.ended(nil))
                    } catch {
                        continuation.yield(.ended(error))
                    }
                    continuation.finish()
                }
                switch await events.first(where: { _ in true }) {
                case .listening(let found): (port, served) = (found, served + 1)
                case .ended(let error?):
                    let cause = fault(error, address, port)
                    guard Self.isMissing(error) else {
                        let isOthers = self.port == 0 && served > 0 && (error as? IOError)?.errnoCode == EADDRINUSE
                        throw isOthers ? TakenElsewhere(cause: cause) : cause
                    }
                    missing = cause
                    log.notice("an address is left out", metadata: ["reason": "\(cause)"])
                case .ended(nil), nil: return
                }
            }
            if served == 0, let missing { throw missing }
            await onListening(port)
            try await group.waitForAll()
        }
    }

    private func fault(_ error: any Error, _ address: String, _ port: Int) -> ServerError {
        guard let number = (error as? IOError)?.errnoCode else {
            return .cannotListen(host: host, port: port, reason: error.cause)
        }
        return .cannotListen(at: address, of: host, port: port, number: number)
    }

    /// Whether this machine does not have an address, or none of its version.
    private static func isMissing(_ error: any Error) -> Bool {
        (error as? IOError).map { [EADDRNOTAVAIL, EAFNOSUPPORT].contains($0.errnoCode) } ?? false
    }
}
