internal import AsyncHTTPClient
internal import Foundation
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// Why a connection failed, in our words: the libraries below tell it in their types' and functions' names.
package struct ConnectionFault: CustomStringConvertible {
    /// The rest of a sentence about the connection.
    package let description: String

    /// - Parameter error: what a connection failed with
    package init(_ error: any Error) {
        description =
            switch error {
            case let error as NIOConnectionError: Self.reason(error)
            case let error as IOError: Self.reason(error.errnoCode)
            case let error as HTTPClientError: Self.reason(error)
            case is SocketAddressError: "its name has no address"
            case ChannelError.connectTimeout: "it did not answer in time"
            case is ChannelError: "the other end closed it"
            case is HTTPParserError: "what came is not HTTP"
            default: Self.ofTLS(error)
            }
    }

    private static func reason(_ error: NIOConnectionError) -> String {
        if let cause = error.connectionErrors.last?.error { return ConnectionFault(cause).description }
        return error.dnsAError == nil && error.dnsAAAAError == nil
            ? "no way to it was found" : "its name has no address"
    }

    private static func reason(_ number: CInt) -> String {
        switch number {
        case ECONNREFUSED: "it was refused"
        case ECONNRESET, EPIPE, ECONNABORTED, ENOTCONN: "the other end closed it"
        case ETIMEDOUT: "it did not answer in time"
        case EHOSTUNREACH, ENETUNREACH, ENETDOWN, EHOSTDOWN: "no way to it was found"
        default: String(cString: strerror(number))
        }
    }

    private static func reason(_ error: HTTPClientError) -> String {
        switch error {
        case .connectTimeout, .readTimeout, .writeTimeout, .deadlineExceeded, .getConnectionFromPoolTimeout,
            .tlsHandshakeTimeout, .httpProxyHandshakeTimeout, .socksHandshakeTimeout:
            "it did not answer in time"
        case .remoteConnectionClosed: "the other end closed it"
        default: "what came is not HTTP, or not an answer"
        }
    }

    /// The library for TLS is not ours to name; of its words one counts.
    private static func ofTLS(_ error: any Error) -> String {
        let words = String(reflecting: error)
        if words.contains("CERTIFICATE_VERIFY_FAILED") || words.contains("unableToValidateCertificate") {
            return "its certificate is not one to trust"
        }
        return words.contains("NIOSSL") ? "no secure connection could be made (TLS)" : "it broke off"
    }
}
