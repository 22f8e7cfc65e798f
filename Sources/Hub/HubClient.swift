internal import AsyncHTTPClient
internal import Foundation
internal import NIOCore
internal import NIOHTTP1

/// Asks the hub, follows its redirects and sorts its refusals.
struct HubClient: Sendable {
    private static let mostRedirects = 10

    let settings: HubSettings
    private let connections: HubConnections

    init(_ connections: HubConnections, _ settings: HubSettings) {
        (self.connections, self.settings) = (connections, settings)
    }

    /// What the connections need: no redirect is followed unseen, and no body is changed on its way.
    static func configuration(_ patience: Patience) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: TimeAmount(patience.connect), read: TimeAmount(patience.pause)),
            decompression: .disabled)
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        return configuration
    }

    /// Begins a download.
    ///
    /// - Parameters:
    ///   - address: where it is, on the hub's endpoint
    ///   - offset: how many of its first bytes to leave out
    ///   - model: whose it is, and
    ///   - file: which; nil for the listing
    /// - Returns: an answer with status 200, 206 or 416
    /// - Throws: ``PassingFault``, ``HubError``, `CancellationError`
    func get(_ address: String, from offset: Int = 0, of model: HubModel, file: String? = nil) async throws -> Answer {
        guard var url = URL(string: address), var origin = Origin(of: url) else { throw HubError.invalidEndpoint }
        var carriesToken = origin == settings.endpoint.origin
        for _ in 0...Self.mostRedirects {
            let time = file == nil ? settings.patience.listing : settings.patience.answer
            let request = request(url, from: offset, withToken: carriesToken)
            let response = try await execute(request, connections[url], origin, within: time)
            guard let location = Self.location(response) else {
                if [200, 206, 416].contains(response.status.code) { return Answer(response, from: origin) }
                throw refusal(response, origin, model, file)
            }
            guard let next = URL(string: location, relativeTo: url)?.absoluteURL, let nextOrigin = Origin(of: next),
                nextOrigin.scheme == origin.scheme || nextOrigin.scheme == "https"
            else { throw HubError.badRedirect(host: origin.host) }
            carriesToken = carriesToken && nextOrigin == origin
            (url, origin) = (next, nextOrigin)
        }
        throw HubError.badRedirect(host: origin.host)
    }

    private func request(_ url: URL, from offset: Int, withToken: Bool) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: url.absoluteString)
        request.headers.add(name: "User-Agent", value: settings.userAgent)
        request.headers.add(name: "Accept-Encoding", value: "identity")
        if offset > 0 { request.headers.add(name: "Range", value: "bytes=\(offset)-") }
        if withToken, let token = settings.token {
            request.headers.add(name: "Authorization", value: token.authorization)
        }
        return request
    }

    private func execute(
        _ request: HTTPClientRequest, _ http: HTTPClient, _ origin: Origin, within time: Duration
    ) async throws -> HTTPClientResponse {
        do {
            return try await http.execute(request, timeout: TimeAmount(time))
        } catch {
            throw PassingFault.connection(error, host: origin.host)
        }
    }

    private static func location(_ response: HTTPClientResponse) -> String? {
        guard [301, 302, 303, 307, 308].contains(response.status.code) else { return nil }
        return response.headers.first(name: "Location") ?? ""
    }

    private func refusal(
        _ response: HTTPClientResponse, _ origin: Origin, _ model: HubModel, _ file: String?
    ) -> any Error {
        let status = Int(response.status.code)
        let unexpected = HubError.status(status, host: origin.host)
        let isHub = origin == settings.endpoint.origin
        switch (status, response.headers.first(name: "X-Error-Code")) {
        case (408, _), (429, _), (500..., _):
            return PassingFault(cause: unexpected, wait: RetryAfter.wait(response.headers.first(name: "Retry-After")))
        case _ where !isHub:
            // An address signed by the hub has run out: the next attempt brings a new one.
            return PassingFault(cause: unexpected)
        case (401, "GatedRepo"), (403, _): return HubError.gated(model)
        case (401, _): return HubError.unauthorized(model, withToken: settings.token != nil)
        case (404, "RevisionNotFound"): return HubError.revisionNotFound(model)
        case (404, _): return file.map { HubError.fileNotFound(model, file: $0) } ?? HubError.notFound(model)
        default: return unexpected
        }
    }
}

extension PassingFault {
    /// - Parameters:
    ///   - error: what the connection failed with
    ///   - host: the other end
    ///   - madeProgress: whether bytes had come
    /// - Returns: a passing fault, or a cancellation where that was the reason
    static func connection(_ error: any Error, host: String, madeProgress: Bool = false) -> any Error {
        if Task.isCancelled || error is CancellationError { return CancellationError() }
        return PassingFault(
            cause: .unreachable(host: host, reason: ConnectionFault(error).description), madeProgress: madeProgress)
    }
}

extension TimeAmount {
    fileprivate init(_ duration: Duration) {
        self = .nanoseconds(Int64(duration / .nanoseconds(1)))
    }
}
