internal import HTTPTypes
internal import Hummingbird

extension NewJob {
    /// Takes over what the headers say of a request that may come twice.
    ///
    /// - Parameter request: the client's
    mutating func readIdempotency(_ request: Request) throws(APIError) {
        if let key = request.headers[HeaderNames.idempotencyKey] {
            guard (1...255).contains(key.utf8.count) else {
                throw .invalid("Idempotency-Key must have 1 to 255 characters", param: "Idempotency-Key")
            }
            idempotencyKey = key
        }
        // OpenAI's client counts how often it has posted the same.
        isRepeated = request.headers[HeaderNames.retryCount].flatMap { Int($0) } ?? 0 > 0
    }
}

extension Request {
    /// Whether the client would rather be told of the job than wait for its end: `Prefer: respond-async` (RFC 7240).
    var prefersAsync: Bool {
        headers[values: HeaderNames.prefer].joined(separator: ",").split(separator: ",").contains { preference in
            HeaderParameters(preference.utf8).value.lowercased() == "respond-async"
        }
    }
}
