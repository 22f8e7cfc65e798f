internal import AsyncHTTPClient
internal import Files
internal import Hub
internal import NIOCore
internal import NIOHTTP1

/// Asks a checker over HTTP and reads its answer.
struct GuardrailClient: Sendable {
    /// The longest answer, in bytes.
    private static let answerBytes = 1 << 16

    private let settings: GuardrailSettings

    init(_ settings: GuardrailSettings) { self.settings = settings }

    /// Makes sure that the checker allows something.
    ///
    /// - Parameter question: what it is asked
    /// - Throws: ``GuardrailError``, `CancellationError`
    func require(_ question: GuardrailQuestion) async throws {
        let body = try question.json()
        let answer: [UInt8]
        do {
            answer = try await HTTPClient.withHTTPClient(configuration: configuration) { client in
                try await send(body, by: client)
            }
        } catch let error as GuardrailError {
            throw error
        } catch {
            if Task.isCancelled || error is CancellationError { throw CancellationError() }
            if error.isLateness { throw late }
            let reason = ConnectionFault(error).description
            throw GuardrailError.unreachable(checker: settings.origin, reason: reason)
        }
        let (isAllowed, reason) = try verdict(answer)
        if !isAllowed { throw GuardrailError.blocked(question.stage, reason: reason) }
    }

    /// No redirect is followed, and no proxy is asked: what is sent is for the checker alone.
    private var configuration: HTTPClient.Configuration {
        let limit = TimeAmount.nanoseconds(Int64(settings.timeout * 1e9))
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: limit, read: limit), decompression: .disabled)
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        return configuration
    }

    private func send(_ body: [UInt8], by client: HTTPClient) async throws -> [UInt8] {
        let deadline = NIODeadline.now() + .nanoseconds(Int64(settings.timeout * 1e9))
        var request = HTTPClientRequest(url: settings.url)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        request.headers.add(name: "User-Agent", value: "visualgen")
        request.body = .bytes(ByteBuffer(bytes: body))
        let response = try await client.execute(request, deadline: deadline)
        guard response.status == .ok else { throw nonsense("answered with status \(response.status.code)") }
        var bytes: [UInt8] = []
        for try await part in response.body {
            bytes += part.readableBytesView
            if bytes.count > Self.answerBytes { throw nonsense("answered with more than \(Self.answerBytes) bytes") }
            // The client's own deadline ends with the header lines.
            if deadline < .now() { throw late }
        }
        return bytes
    }

    /// Reads `{"allowed": true}` or `{"allowed": false, "reason": "…"}`; what else is there does not matter.
    private func verdict(_ answer: [UInt8]) throws(GuardrailError) -> (isAllowed: Bool, reason: String) {
        var reader = StrictJSONReader(answer, valueLimit: 1024)
        guard let value = try? reader.value(), (try? reader.end()) != nil else {
            throw nonsense("answered with what is no JSON")
        }
        guard case .object(let members) = value else { throw nonsense("answered with no object") }
        let answers = members.filter { $0.key == "allowed" }.map(\.value)
        guard answers.count == 1, case .bool(let isAllowed) = answers[0] else {
            throw nonsense("did not answer with allowed")
        }
        switch members.first(where: { $0.key == "reason" })?.value {
        case .string(let reason)?: return (isAllowed, reason)
        case .null?, nil: return (isAllowed, "")
        default: throw nonsense("answered with a reason that is no text")
        }
    }

    private var late: GuardrailError { .late(checker: settings.origin, seconds: settings.timeout) }

    private func nonsense(_ found: String) -> GuardrailError { .nonsense(checker: settings.origin, found: found) }
}

extension Error {
    /// Whether it was the time that was over.
    fileprivate var isLateness: Bool {
        if case .connectTimeout? = self as? ChannelError { return true }
        return switch self as? HTTPClientError {
        case .deadlineExceeded, .connectTimeout, .readTimeout, .writeTimeout, .getConnectionFromPoolTimeout,
            .tlsHandshakeTimeout:
            true
        default: false
        }
    }
}
