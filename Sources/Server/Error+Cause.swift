internal import AsyncHTTPClient
internal import Engine
internal import GRDB
internal import Glibc
internal import NIOCore
internal import NIOPosix

extension Error {
    /// What went wrong in our words: errors of the server's libraries tell a programmer how, not a person what.
    var cause: String {
        switch self {
        case let error as IOError: Self.system(error.errnoCode)
        case let error as NIOConnectionError: error.connectionErrors.first?.error.cause ?? "its name is not known"
        case let error as HTTPClientError: Self.client(error)
        case is SocketAddressError.UnknownHost: "there is no host of that name"
        case is SocketAddressError: "the address cannot be used"
        case is ChannelError, is EventLoopError: "the connection was closed"
        case let error as DatabaseError:
            "the store cannot be read or written: \(error.message ?? "\(error.resultCode)")"
        case is CancellationError: "it was called off"
        default: sentence
        }
    }

    private static func system(_ code: Int32) -> String { String(cString: strerror(code)) }

    private static func client(_ error: HTTPClientError) -> String {
        switch error {
        case .readTimeout, .writeTimeout, .connectTimeout, .tlsHandshakeTimeout, .deadlineExceeded,
            .getConnectionFromPoolTimeout:
            "it did not answer in time"
        case .remoteConnectionClosed, .uncleanShutdown: "it closed the connection"
        case .cancelled, .requestStreamCancelled: "it was called off"
        default: "it does not answer as HTTP asks for"
        }
    }
}
