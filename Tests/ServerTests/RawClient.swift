import Dispatch
import Foundation
import Glibc

/// A client that sends bytes as they are, whatever HTTP says of them.
final class RawClient: Sendable {
    private let socket: Int32

    struct NoConnection: Error { let reason: String }

    /// - Parameter port: on 127.0.0.1
    init(port: Int) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw NoConnection(reason: String(cString: strerror(errno))) }
    }

    deinit { close(socket) }

    func send(_ text: String) { send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return }
            rest = rest.dropFirst(count)
        }
    }

    /// Says that nothing more comes.
    func finish() { shutdown(socket, Int32(SHUT_WR)) }

    /// Hangs up so that the server is told of an error.
    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
        shutdown(socket, Int32(SHUT_RDWR))
    }

    /// The next answer: its lines before the empty one, and its body; nil if the connection ended before there was any.
    func answer() async -> (status: Int, head: String, body: String)? {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: self.readAnswer()) }
        }
    }

    private func readAnswer() -> (status: Int, head: String, body: String)? {
        var bytes: [UInt8] = []
        while true {
            let text = String(decoding: bytes, as: UTF8.self)
            if let end = text.range(of: "\r\n\r\n") {
                let head = String(text[..<end.lowerBound])
                let length = head.lowercased().firstMatch(of: /content-length: (\d+)/).flatMap { Int($0.1) } ?? 0
                let body = text[end.upperBound...]
                if body.utf8.count >= length {
                    return (Int(head.split(separator: " ").dropFirst().first ?? "") ?? 0, head, String(body))
                }
            }
            var buffer = [UInt8](repeating: 0, count: 65536)
            let count = recv(socket, &buffer, buffer.count, 0)
            if count <= 0 { return nil }
            bytes += buffer.prefix(count)
        }
    }
}
