import Foundation
import Glibc
import HTTPTypes
import Server
import TestKit
import Testing

/// Clients that ask and never read.
@Suite struct StalledClientTests {
    /// The server ends the connection after the time that one may be idle, and gives up what waits to be written.
    @Test func aClientThatNeverReadsIsSentAway() async throws {
        let server = try await TestServer(settings: { $0.limits.idleSeconds = 1 })
        try await server.run { client in
            let body = #"{"prompt": "a", "output_format": "png"}"#
            let id = try #require(try await client.post("/v1/images/generations", body).json["id"] as? String)
            let file = "\(server.core.jobs.folder.folder(of: id))/0.png"
            // More than the system takes over.
            try Data(repeating: 1, count: 64 << 20).write(to: URL(fileURLWithPath: file))
            let port = client.port
            let stalled = try Connection(to: port)
            stalled.send("GET /v1/images/\(id)/content HTTP/1.1\r\nhost: localhost:\(port)\r\n\r\n")
            #expect(try await server.wait { stalled.isEnded })
            // One that reads gets all of it.
            let reading = try Connection(to: port, buffer: 1 << 20)
            reading.send(
                "GET /v1/images/\(id)/content HTTP/1.1\r\nhost: localhost:\(port)\r\nconnection: close\r\n\r\n")
            var count = 0
            while let part = reading.read(1 << 20), part > 0 { count += part }
            #expect(count > 64 << 20)
        }
    }
}

/// A connection whose system takes over little.
private final class Connection: Sendable {
    private let descriptor: Int32

    init(to port: Int, buffer: Int32 = 4096) throws {
        var wanted = addrinfo()
        wanted.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        try #require(getaddrinfo("localhost", "\(port)", &wanted, &found) == 0)
        defer { freeaddrinfo(found) }
        let connected = sequence(first: found, next: { $0?.pointee.ai_next }).lazy.compactMap { entry -> Int32? in
            guard let address = entry?.pointee else { return nil }
            let descriptor = socket(address.ai_family, address.ai_socktype, address.ai_protocol)
            var size = buffer
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
            if connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 { return descriptor }
            close(descriptor)
            return nil
        }.first
        descriptor = try #require(connected)
    }

    deinit { close(descriptor) }

    func send(_ text: String) { _ = Array(text.utf8).withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } }

    /// Whether the other side has ended it, though nothing was read.
    var isEnded: Bool {
        var state = pollfd(fd: descriptor, events: 0, revents: 0)
        return poll(&state, 1, 0) > 0 && state.revents & Int16(POLLHUP | POLLERR) != 0
    }

    func read(_ count: Int) -> Int? {
        var bytes = [UInt8](repeating: 0, count: count)
        let read = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
        return read >= 0 ? read : nil
    }
}
