internal import Diffusion
internal import Engine
internal import Files
internal import GRDB
internal import HTTPTypes
internal import Hummingbird
internal import Media

extension APIError {
    /// What a client is told of an error.
    ///
    /// - Parameter error: any error of this package's code
    package init(_ error: any Error) {
        switch error {
        case let error as APIError: self = error
        case let error as InvalidRequest: self.init(error)
        case let error as RequestError: self.init(InvalidRequest([error]))
        case let error as StrictJSONError: self = .invalid("the body has \(error)", code: "invalid_json")
        case let error as HTTPError: self.init(error)
        case is CancellationError: self = .cancelled
        case let error as GuardrailError: self.init(error)
        case let error as DatabaseError where error.isOfStorage: self = .storageFull("the disk is full, or fails")
        default: self = APIError(ofConnection: error) ?? APIError(Failure(of: error))
        }
    }

    /// The client went away, or the job was deleted, before there was a result.
    static let cancelled = APIError(
        .init(code: 499, reasonPhrase: "Client Closed Request"), "invalid_request_error", code: "cancelled",
        "the request was called off before it was finished")

    /// There is no room, or no way to write.
    ///
    /// - Parameter message: one sentence
    /// - Returns: the error
    static func storageFull(_ message: String) -> APIError {
        APIError(
            .init(code: 507, reasonPhrase: "Insufficient Storage"), "server_error", code: "storage_full", message)
    }

    private init(_ problem: InvalidRequest) {
        let param = problem.problems.first?.field.map { $0 == "num_images_per_prompt" ? "n" : $0 }
        let isMemory = problem.problems.contains { if case .memory = $0 { true } else { false } }
        self = .invalid("\(problem)", param: param, code: isMemory ? "insufficient_memory" : "invalid_value")
    }

    /// Where the checker is, and what is wrong with it, goes to the log.
    private init(_ error: GuardrailError) {
        if case .blocked = error {
            self = .blocked("\(error)")
        } else {
            self = .guardrailUnavailable
        }
    }

    /// The guardrail does not allow the request, or what was made of it; OpenAI's code for that.
    ///
    /// - Parameter message: one sentence
    /// - Returns: the error
    static func blocked(_ message: String) -> APIError { .invalid(message, code: "moderation_blocked") }

    /// The guardrail could not be asked, so nothing is made or kept.
    static let guardrailUnavailable = APIError(
        .serviceUnavailable, "server_error", code: "guardrail_unavailable",
        "the guardrail gave no answer that counts, so nothing is made; the server's log says why", retryAfter: 5)

    private init(_ failure: Failure) {
        switch failure.kind {
        case .blocked: self = .blocked(failure.message)
        case .request, .input: self = .invalid(failure.message)
        case .memory, .worker, .unavailable: self = .unavailable(failure.message)
        case .cancelled: self = .cancelled
        case .output: self = .storageFull("the result cannot be stored")
        case .model, .bug: self = .bug
        }
    }

    private init(_ error: HTTPError) {
        switch error.status {
        case .notFound: self = .invalid("there is no such route", code: "unknown_url", status: .notFound)
        case .contentTooLarge:
            self = .invalid("the body is too large", code: "body_too_large", status: .contentTooLarge)
        default: self = .invalid(error.body ?? error.status.reasonPhrase, status: error.status)
        }
    }
}

extension RequestError {
    /// The field that is wrong, if it is one.
    var field: String? {
        if case .value(let field, _, _) = self { return field }
        if case .notForModel(let field, _, _, _) = self { return field }
        if case .count(let field, _, _) = self { return field }
        if case .missing(let field) = self { return field }
        return nil
    }
}

extension DatabaseError {
    /// Whether the store could not be written for want of room, or because the disk fails.
    fileprivate var isOfStorage: Bool { [.SQLITE_FULL, .SQLITE_IOERR].contains(resultCode) }
}
