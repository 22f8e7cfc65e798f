internal import Glibc
internal import HTTPTypes
internal import NIOCore
internal import NIOHTTP1

extension APIError {
    /// What a client is told that does not keep to HTTP, or hangs up: its fault, not the server's.
    ///
    /// - Parameter error: what its connection threw; nil for any other error
    init?(ofConnection error: any Error) {
        switch error {
        case let error as HTTPParserError: self = .malformed(error.sentence)
        case is ChannelError: self = .cancelled
        case let error as IOError where Self.hangUps.contains(error.errnoCode): self = .cancelled
        default: return nil
        }
    }

    /// A request that is not HTTP.
    ///
    /// - Parameter message: one sentence
    /// - Returns: the error
    static func malformed(_ message: String) -> APIError { .invalid(message, code: "malformed_request") }

    private static let hangUps = [ECONNRESET, EPIPE, ECONNABORTED, ENOTCONN, ETIMEDOUT, EBADF]
}

extension HTTPParserError {
    /// What is wrong, in a sentence.
    fileprivate var sentence: String {
        switch self {
        case .invalidEOFState, .closedConnection: "the body ends early"
        case .invalidChunkSize, .strictModeAssertion: "the body's chunks are malformed"
        case .headerOverflow: "the header lines are too long"
        case .invalidHeaderToken: "a header line or a trailer is malformed"
        case .invalidContentLength, .unexpectedContentLength: "content-length is malformed"
        default: "the request is not HTTP/1.1, or its transfer-encoding is not chunked"
        }
    }
}
