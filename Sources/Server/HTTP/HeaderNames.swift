internal import HTTPTypes

/// Header fields that HTTPTypes has no name for.
enum HeaderNames {
    static let host = name("host")
    static let requestID = name("x-request-id")
    static let shouldRetry = name("x-should-retry")
    static let serverTiming = name("server-timing")
    static let pollAfter = name("openai-poll-after-ms")
    static let idempotencyKey = name("idempotency-key")
    static let prefer = name("prefer")
    static let preferenceApplied = name("preference-applied")
    static let retryCount = name("x-stainless-retry-count")
    static let contentTypeOptions = name("x-content-type-options")
    static let contentSecurityPolicy = name("content-security-policy")
    static let referrerPolicy = name("referrer-policy")

    private static func name(_ text: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else { preconditionFailure("\(text) is no name of a header field") }
        return name
    }
}
