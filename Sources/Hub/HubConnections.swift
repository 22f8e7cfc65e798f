internal import AsyncHTTPClient
internal import Foundation

/// The HTTP clients of one call: one that asks hosts themselves, and one for each proxy.
struct HubConnections: Sendable {
    private let direct: HTTPClient
    private let clients: [Proxies.Proxy: HTTPClient]
    private let proxies: Proxies

    /// The client for an address.
    subscript(url: URL) -> HTTPClient { proxies.proxy(for: url).flatMap { clients[$0] } ?? direct }

    /// Opens them for as long as a body runs.
    ///
    /// - Parameters:
    ///   - configuration: of all of them
    ///   - proxies: which go through a proxy
    ///   - body: what needs them
    /// - Returns: the body's result
    /// - Throws: the body's error
    static func with<Result>(
        _ configuration: HTTPClient.Configuration, through proxies: Proxies,
        _ body: (HubConnections) async throws -> Result
    ) async throws -> Result {
        try await HTTPClient.withHTTPClient(configuration: configuration) { direct in
            try await open(proxies.all.map(\.self)[...], [:], configuration) { clients in
                try await body(HubConnections(direct: direct, clients: clients, proxies: proxies))
            }
        }
    }

    private static func open<Result>(
        _ rest: ArraySlice<Proxies.Proxy>, _ clients: [Proxies.Proxy: HTTPClient],
        _ configuration: HTTPClient.Configuration, _ body: ([Proxies.Proxy: HTTPClient]) async throws -> Result
    ) async throws -> Result {
        guard let proxy = rest.first else { return try await body(clients) }
        var own = configuration
        own.proxy = proxy.configuration
        return try await HTTPClient.withHTTPClient(configuration: own) { client in
            try await open(rest.dropFirst(), clients.merging([proxy: client]) { $1 }, configuration, body)
        }
    }
}
