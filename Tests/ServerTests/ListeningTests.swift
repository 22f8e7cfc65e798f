import AsyncHTTPClient
import Foundation
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Server
import ServiceLifecycle
import Synchronization
import TestKit
import Testing

@Suite struct ListeningTests {
    /// What listens, and the port that it has told.
    private func serve(
        _ addresses: [String], port: Int = 0, _ body: @escaping @Sendable (Int) async throws -> Void
    ) async throws {
        let (ports, told) = AsyncStream<Int>.makeStream()
        let router = Router().get("/") { _, _ in "here" }
        let responder = router.buildResponder()
        let listener = Listener(
            host: "name", port: port, addresses: addresses, log: TestServer.silence, onListening: { told.yield($0) }
        ) { address, port, onListening in
            let application = Application(
                responder: responder, configuration: .init(address: .hostname(address, port: port)),
                onServerRunning: { await onListening($0.localAddress?.port ?? 0) }, logger: TestServer.silence)
            try await application.run()
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            let service = ServiceGroup(services: [listener], logger: TestServer.silence)
            group.addTask {
                defer { told.finish() }
                try await service.run()
            }
            if let port = await ports.first(where: { _ in true }) {
                try await body(port)
                await service.triggerGracefulShutdown()
            }
            try await group.waitForAll()
        }
    }

    private func check(_ authority: String) async throws {
        let response = try await HTTPClient.shared.execute(
            HTTPClientRequest(url: "http://\(authority)/"), timeout: .seconds(20))
        #expect(String(buffer: try await response.body.collect(upTo: 100)) == "here")
    }

    /// Whether this machine has the loopback address of version 6.
    private static let hasVersion6 =
        (try? ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "::1", port: 0).wait()
            .close().wait()) != nil

    @Test func servesAtEveryAddressAtOnePort() async throws {
        try await serve(["127.0.0.1", "127.0.0.2"]) { port in
            for address in ["127.0.0.1", "127.0.0.2"] { try await check("\(address):\(port)") }
            await #expect(throws: (any Error).self) { try await check("127.0.0.3:\(port)") }
        }
    }

    @Test(.enabled(if: hasVersion6)) func servesBothVersions() async throws {
        try await serve(ListeningHost("localhost").addresses()) { port in
            for authority in ["127.0.0.1:\(port)", "[::1]:\(port)"] { try await check(authority) }
        }
    }

    /// A machine without version 6 is one whose address of version 6 cannot be listened at.
    @Test func leavesOutWhatThisMachineDoesNotHave() async throws {
        for addresses in [["127.0.0.1", "192.0.2.1"], ["2001:db8::1", "127.0.0.1"]] {
            try await serve(addresses) { port in try await check("127.0.0.1:\(port)") }
        }
        let error = try #require(await #expect(throws: ServerError.self) { try await serve(["192.0.2.1"]) { _ in } })
        #expect("\(error)".hasPrefix("name:0 cannot be listened at: 192.0.2.1:0: "), "\(error)")
        await #expect(throws: ServerError.cannotListen(host: "name", port: 0, reason: "there is no host of that name"))
        {
            try await serve([]) { _ in }
        }
    }

    /// At addresses that no other test has: there a port that is free at one is free at the other too.
    @Test func saysWhichAddressIsTaken() async throws {
        try await serve(["127.0.0.22"]) { port in
            let error = try #require(
                await #expect(throws: ServerError.self) {
                    try await serve(["127.0.0.21", "127.0.0.22"], port: port) { _ in Issue.record("it listens") }
                })
            let reason = "127.0.0.22:\(port): another program listens there"
            #expect(error == .cannotListen(host: "name", port: port, reason: reason))
            let taken = ServerError.cannotListen(
                host: "127.0.0.22", port: port, reason: "another program listens there")
            #expect(throws: taken) {
                try ListeningCheck(host: "127.0.0.22", port: port).run()
            }
            // The other one is free again.
            try await serve(["127.0.0.21"], port: port) { try await check("127.0.0.21:\($0)") }
        }
    }

    /// As the command listens: the routes at both addresses, and one job's files at either.
    @Test(.enabled(if: hasVersion6)) func theServerAnswersAtBothAddresses() async throws {
        let folder = try TemporaryFolder()
        let served = try await ServedProcess(
            "demo-image", data: folder.file("data"), log: folder.file("log"), "--host", "LocalHost")
        #expect(served.address.hasPrefix("http://localhost:"))
        let port = served.address.split(separator: ":").last ?? ""
        for authority in ["127.0.0.1:\(port)", "[::1]:\(port)", "localhost:\(port)"] {
            let response = try await HTTPClient.shared.execute(
                HTTPClientRequest(url: "http://\(authority)/v1/models"), timeout: .seconds(20))
            #expect(response.status.code == 200)
        }
        #expect(served.end(with: SIGTERM) == 0)
    }

    @Test(arguments: [
        ("localhost", "localhost", true, false), ("LOCALHOST", "localhost", true, false),
        ("127.0.0.1", "127.0.0.1", true, false),
        ("127.9.9.9", "127.9.9.9", true, false), ("::1", "[::1]", true, false), ("[::1]", "[::1]", true, false),
        ("::ffff:127.0.0.1", "[::ffff:127.0.0.1]", true, false), ("fe80::1%eth0", "[fe80::1%25eth0]", false, false),
        ("0.0.0.0", "127.0.0.1", false, true), ("::", "[::1]", false, true), ("[::]", "[::1]", false, true),
        ("127.evil.example", "127.evil.example", false, false),
        ("localhost.evil.example", "localhost.evil.example", false, false),
        ("192.0.2.1", "192.0.2.1", false, false), ("::2", "[::2]", false, false), ("", "", false, false),
    ])
    func knowsHosts(_ text: String, _ authority: String, _ isLocal: Bool, _ isWildcard: Bool) {
        let host = ListeningHost(text)
        #expect(host.reachableAuthority == authority && host.isLocal == isLocal && host.isWildcard == isWildcard)
    }

    /// Whatever a file of hosts says, `localhost` is both of this machine's own addresses and nothing that reaches beyond.
    @Test(arguments: [["::1"], ["127.0.0.1"], [], ["::1", "127.0.0.1", "::1"], ["192.0.2.1"]])
    func localhostIsBothAddresses(_ found: [String]) {
        #expect(ListeningHost("localhost").addresses { _ in found } == ["127.0.0.1", "::1"])
    }

    /// What can be told before the model is loaded is what then happens.
    @Test func checksHostsHoweverTheyAreWritten() throws {
        for host in ["LocalHost", "127.0.0.1", "0.0.0.0"] + (Self.hasVersion6 ? ["[::1]", "::1", "::"] : []) {
            try ListeningCheck(host: host, port: 0).run()
        }
        #expect(throws: ServerError.cannotListen(host: "", port: 7, reason: "there is no host of that name")) {
            try ListeningCheck(host: "", port: 7).run()
        }
    }

    @Test func aNameIsAllItsAddressesOnce() {
        let found = ["192.0.2.1", "2001:db8::1", "192.0.2.1", "192.0.2.2"]
        #expect(ListeningHost("name").addresses { _ in found } == ["192.0.2.1", "2001:db8::1", "192.0.2.2"])
    }
}
