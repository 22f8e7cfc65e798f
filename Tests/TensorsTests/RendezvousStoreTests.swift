import Glibc
import Tensors
import TestKit
import Testing

@Suite(.serialized) struct RendezvousStoreTests {
    private static let time = Duration.seconds(300)

    /// A store of each kind, and another way to it.
    private static let kinds: [(name: String, make: @Sendable (TemporaryFolder) throws -> [RendezvousStore])] = [
        (
            "threads",
            { _ in
                let store = RendezvousStore.inProcess(); return [store, try store.copy()]
            }
        ),
        (
            "a file",
            {
                let path = $0.file("store")
                return try [.file(path, ranks: 2, timeout: time), .file(path, ranks: 2, timeout: time)]
            }
        ),
        (
            "a file and its copy",
            {
                let store = try RendezvousStore.file($0.file("store"), ranks: 2, timeout: time);
                return [store, try store.copy()]
            }
        ),
        (
            "TCP",
            { _ in
                let store = try RendezvousStore.hosting(timeout: time)
                return [store, try .joining(host: "127.0.0.1", port: store.port, timeout: time)]
            }
        ),
        (
            "TCP and its copy",
            { _ in
                let store = try RendezvousStore.hosting(timeout: time); return [store, try store.copy()]
            }
        ),
        // The copy keeps the server.
        (
            "copies of TCP",
            { _ in
                let copy = try RendezvousStore.hosting(timeout: time).copy(); return [copy, try copy.copy()]
            }
        ),
    ]

    @Test(arguments: kinds.map(\.name)) func keepsValues(_ name: String) throws {
        let folder = try TemporaryFolder()
        let stores = try #require(Self.kinds.first { $0.name == name }).make(folder)
        try stores[0].set("key", [1, 2, 0, 255])
        #expect(try stores[1].value(of: "key", within: Self.time) == [1, 2, 0, 255])
        try stores[1].set("key", [])
        #expect(try stores[0].value(of: "key", within: .zero) == [])
        #expect(try stores[0].add("sum", 3) == 3)
        #expect(try stores[1].add("sum", -5) == -2)
        try stores[1].remove("key")
        // What is not there in time is no error, and the store works on.
        #expect(try stores[0].value(of: "key", within: .zero) == nil)
        #expect(try stores[0].value(of: "key", within: .milliseconds(20)) == nil)
        try stores[0].remove("key")
        #expect(try stores[0].add("sum", 0) == -2)
    }

    @Test(arguments: kinds.map(\.name)) func waitsForValues(_ name: String) async throws {
        let folder = try TemporaryFolder()
        let stores = try #require(Self.kinds.first { $0.name == name }).make(folder)
        let values = try await onRanks(2) { rank -> [UInt8]? in
            if rank == 0 { return try stores[0].value(of: "late", within: Self.time) }
            // A copy does not wait for what the first is asked.
            _ = try stores[1].value(of: "never", within: .milliseconds(20))
            try stores[1].set("late", [7])
            return nil
        }.map { try $0.get() }
        #expect(values == [[7], nil])
    }

    /// Every rank with a connection of its own.
    @Test func bringsAGroupTogether() async throws {
        let server = try RendezvousStore.hosting(host: "localhost", timeout: Self.time)
        #expect((1...65535).contains(server.port))
        let sums = try await onRanks(3) { rank in
            let store = try RendezvousStore.joining(host: "localhost", port: server.port, timeout: Self.time)
            let group = try ProcessGroup(
                store, name: "all", rank: rank, size: 3, .gloo(interface: nil), timeout: Self.time)
            return try group.allReduce(.full(Double(rank), [1])).floats()
        }.map { try $0.get() }
        #expect(sums == [[3], [3], [3]])
    }

    /// The group waits on a connection of its own: the store is free meanwhile.
    @Test func isFreeWhileAGroupWaits() async throws {
        let server = try RendezvousStore.hosting(timeout: Self.time)
        let sums = try await onRanks(2) { rank in
            // The second rank joins once the first has said so, with the store that its group was given.
            if rank == 1 { _ = try server.copy().value(of: "go", within: Self.time) }
            if rank == 0 { Task.detached { try server.set("go", []) } }
            let group = try ProcessGroup(
                server, name: "all", rank: rank, size: 2, .gloo(interface: nil), timeout: Self.time)
            return try group.allReduce(.full(1, [1])).floats()
        }.map { try $0.get() }
        #expect(sums == [[2], [2]])
    }

    /// What LibTorch calls is the shim's, which asks no name server for it, and the system's for all others.
    @Test func asksNobodyForNames() throws {
        let called = try #require(dlsym(nil, "getnameinfo"))
        let system = try #require(dlsym(dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD), "getnameinfo"))
        #expect(called != system)
        var address = sockaddr_in()
        (address.sin_family, address.sin_addr.s_addr) = (sa_family_t(AF_INET), UInt32(0x7F00_0001).bigEndian)
        var name = [CChar](repeating: 0, count: 64)
        let status = withUnsafeBytes(of: &address) {
            getnameinfo(
                $0.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t($0.count), &name,
                socklen_t(name.count), nil, 0, NI_NUMERICHOST)
        }
        #expect(status == 0)
        #expect(name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) } == Array("127.0.0.1".utf8))
    }

    @Test func tellsThatNoServerIsThere() throws {
        let free = try RendezvousStore.hosting(timeout: Self.time).port
        let error = try #require(throws: TensorError.self) {
            _ = try RendezvousStore.joining(host: "127.0.0.1", port: free, timeout: .seconds(1))
        }
        #expect(error.kind == .peerLost)
        #expect(!"\(error)".contains("\n") && !"\(error)".contains("Exception raised from"))
    }

    @Test func tellsThatTheServerIsGone() throws {
        var server: RendezvousStore? = try .hosting(timeout: Self.time)
        let store = try RendezvousStore.joining(host: "127.0.0.1", port: #require(server).port, timeout: .seconds(1))
        #expect(try store.add("sum", 1) == 1)
        server = nil
        let error = try #require(throws: TensorError.self) { _ = try store.add("sum", 1) }
        #expect(error.kind == .peerLost)
        #expect(throws: TensorError.self) { _ = try store.value(of: "key", within: .milliseconds(20)) }
    }

    @Test func tellsThatItCannotListen() throws {
        let server = try RendezvousStore.hosting(timeout: Self.time)
        for call in [
            { try RendezvousStore.hosting(port: server.port, timeout: Self.time) },
            { try RendezvousStore.hosting(port: 65536, timeout: Self.time) },
            { try RendezvousStore.hosting(port: -1, timeout: Self.time) },
            { try RendezvousStore.hosting(host: "host.invalid", timeout: Self.time) },
            { try RendezvousStore.joining(host: "127.0.0.1", port: 0, timeout: Self.time) },
        ] {
            let error = try #require(throws: TensorError.self) { _ = try call() }
            #expect(error.kind == .other)
            #expect(!"\(error)".contains("\n"))
        }
    }

    @Test func tellsThatThereIsNoSuchFolder() throws {
        let path = try TemporaryFolder().file("store")
        let error = try #require(throws: TensorError.self) {
            _ = try RendezvousStore.file(path, ranks: 1, timeout: Self.time)
        }
        #expect(error.kind == .other)
        #expect(error.message == "\(path): No such file or directory")
    }
}
