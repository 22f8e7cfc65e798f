import Foundation
import Glibc
import HTTPTypes
import Server
import TestKit
import Testing

/// A key that is taken out of the file is worth nothing, however the file was changed.
@Suite struct KeyReloadTests {
    private let folder: TemporaryFolder
    private let path: String
    private let lines = LogLines()
    private let alice = APIKey.new(name: "alice", scopes: [])
    private let bob = APIKey.new(name: "bob", scopes: [.metrics])

    init() throws {
        folder = try TemporaryFolder()
        path = try folder.write("\(alice.line)\n\(bob.line)\n", to: "keys")
    }

    private func server(_ path: String? = nil) async throws -> TestServer {
        try await TestServer(settings: {
            $0.keys = try APIKeys(path: path ?? self.path, interval: .zero, log: lines.log)
        })
    }

    /// Asks with the keys of both.
    private func check(_ client: Client, _ expected: [Int]) async throws {
        var statuses: [Int] = []
        for key in [alice.key, bob.key] {
            statuses.append(try await client.get("/v1/models", headers: ["authorization": "Bearer \(key)"]).status)
        }
        #expect(statuses == expected)
    }

    /// Kubernetes mounts a folder whose files are links through a link, and swaps that.
    @Test func aLinkThatIsSwappedCounts() async throws {
        for (name, text) in [("1", "\(alice.line)\n\(bob.line)\n"), ("2", "\(bob.line)\n")] {
            #expect(mkdir(folder.file(name), 0o700) == 0)
            try folder.write(text, to: "\(name)/keys")
        }
        #expect(symlink("1", folder.file("..data")) == 0)
        #expect(symlink("..data/keys", folder.file("mounted")) == 0)
        try await server(folder.file("mounted")).run { client in
            try await check(client, [200, 200])
            #expect(symlink("2", folder.file("..next")) == 0)
            #expect(rename(folder.file("..next"), folder.file("..data")) == 0)
            try await check(client, [401, 200])
        }
    }

    /// Written over in place, with as many bytes and the time of before.
    @Test func theTimeOfTheFileDoesNotDecide() async throws {
        try await server().run { client in
            try await check(client, [200, 200])
            var status = stat()
            #expect(stat(path, &status) == 0)
            let text = try String(contentsOfFile: path, encoding: .utf8)
            let other = text.replacing(alice.line, with: "#" + alice.line.dropFirst())
            #expect(other.utf8.count == text.utf8.count)
            let file = try #require(FileHandle(forWritingAtPath: path))
            try file.write(contentsOf: Data(other.utf8))
            try file.close()
            var times = [status.st_atim, status.st_mtim]
            #expect(utimensat(AT_FDCWD, path, &times, 0) == 0)
            try await check(client, [401, 200])
        }
    }

    /// A line that cannot be read is no key; the others count, and what was taken out is gone.
    @Test func aBrokenLineKeepsNoRemovedKeyAlive() async throws {
        try await server().run { client in
            try await check(client, [200, 200])
            try folder.write("carol sha256:xyz\n\(bob.line)\n", to: "keys")
            try await check(client, [401, 200])
            #expect(try await client.get("/health").status == 200)
            #expect(lines.errors.contains { $0.contains("line of the file of keys") && $0.contains("line: 1") })
            let metrics = try await client.get("/metrics", headers: ["authorization": "Bearer \(bob.key)"]).text
            #expect(metrics.contains("visualgen_keys 1\n") && metrics.contains("visualgen_key_file_faults 1\n"))
            #expect(metrics.contains("# TYPE visualgen_key_file_refusals_total counter\n"))
            #expect(!metrics.contains("visualgen_key_file_refusals_total 0\n"))
            let count = lines.errors.count
            try await check(client, [401, 200])
            #expect(lines.errors.count == count, "told once")
            try folder.write("\(alice.line)\n\(bob.line)\n", to: "keys")
            try await check(client, [200, 200])
        }
    }

    /// As long as there is no file nobody is let in, and clients are told to come back.
    @Test(arguments: ["deleted", "folder", "too large", "loop"])
    func withoutAFileNobodyIsLetIn(_ fault: String) async throws {
        try await server().run { client in
            try await check(client, [200, 200])
            #expect(unlink(path) == 0)
            switch fault {
            case "folder": #expect(mkdir(path, 0o700) == 0)
            case "too large": try folder.write(String(repeating: "#\n", count: 1 << 20), to: "keys")
            case "loop": #expect(symlink("keys", path) == 0)
            default: break
            }
            try await check(client, [503, 503])
            let refused = try await client.get("/v1/models", headers: ["authorization": "Bearer \(alice.key)"])
            #expect(refused.code == "keys_unavailable" && refused[header: "retry-after"] == "5")
            let health = try await client.get("/health")
            #expect(health.status == 503 && health.code == "keys_unavailable" && !health.text.contains(path))
            #expect(lines.errors.count { $0.contains("no key is valid") } == 1, "\(lines.errors)")
            _ = remove(path)
            try folder.write("\(bob.line)\n", to: "keys")
            try await check(client, [401, 200])
            #expect(try await client.get("/health").status == 200)
        }
    }

    /// Files of other systems and editors.
    @Test(arguments: ["\r\n", "\n"]) func readsTextOfEverySystem(_ end: String) async throws {
        for (start, last) in [("", end), ("\u{FEFF}", ""), ("# keys\(end)\(end)", end)] {
            try folder.write("\(start)\(alice.line)\(end)\(bob.line)\(last)", to: "keys")
            try await server().run { try await check($0, [200, 200]) }
        }
    }

    /// What stands in the wrong place may be a key, and is not repeated.
    @Test func messagesHoldNoKeys() async throws {
        let hash = alice.line.split(separator: " ")[1]
        for line in [
            "\(alice.key) alice", "alice \(alice.key)", "alice \(hash) \(alice.key)", "\(alice.key) \(hash) x",
        ] {
            try folder.write(line, to: "keys")
            let error = try #require(throws: ServerError.self) { try APIKeys(path: path) }
            #expect(!"\(error)".contains(alice.key) && "\(error)".contains("line 1"), "\(error)")
        }
    }
}
