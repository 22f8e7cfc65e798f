import Foundation
import Glibc
import TestKit
import Testing

extension CommandLineRefusalTests {
    /// What is wrong with the place of a server is told before its model is looked for: here there is none.
    @Suite struct ServeRefusalTests {
        private func serve(_ arguments: String..., environment: String = "") async throws -> VisualGen.Outcome {
            let visualgen = try VisualGen()
            try FileManager.default.createDirectory(
                atPath: visualgen.folder.file("album/media"), withIntermediateDirectories: true)
            try visualgen.folder.write("photo", to: "album/media/beach.jpg")
            try visualgen.folder.write("alice\n", to: "keys")
            let line = ["-c", "\(environment) exec \"$0\" \"$@\"", VisualGen.path, "serve", "./no-model"]
            let outcome = try await VisualGen.run("/bin/bash", line + arguments, in: visualgen.folder.path)
            #expect(!outcome.errors.contains("no-model"), "\(outcome.testDescription)")
            #expect(!outcome.errors.contains("Cocoa"), "\(outcome.testDescription)")
            #expect(visualgen.folder.names.filter { $0 != "data" } == ["album", "keys"])
            let photo = visualgen.folder.file("album/media/beach.jpg")
            #expect(try String(contentsOfFile: photo, encoding: .utf8) == "photo")
            return outcome
        }

        @Test func aFolderNeedsAName() async throws {
            expectRefusal(try await serve("--data", ""), 64, names: ["data"])
            expectRefusal(try await serve("--data="), 64, names: ["data"])
            expectRefusal(try await serve("--data", "data", "--api-keys", ""), 64, names: ["api-keys"])
            expectRefusal(
                try await serve(environment: "TRTLLM_MEDIA_STORAGE_PATH="), 64, names: ["TRTLLM_MEDIA_STORAGE_PATH"])
        }

        @Test func aFolderMustBeTheServers() async throws {
            expectRefusal(try await serve("--data", "album"), 73, names: ["album/media", "jobs.sqlite"])
            expectRefusal(try await serve("--data", "keys"), 73, names: ["keys", "no folder"])
            expectRefusal(try await serve("--data", "/"), 73, names: ["/"])
        }

        @Test func keysMustBeReadable() async throws {
            expectRefusal(try await serve("--data", "data", "--api-keys", "keys"), 65, names: ["keys, line 1"])
            expectRefusal(try await serve("--data", "data", "--api-keys", "none"), 65, names: ["none"])
        }

        @Test func aPortMustBeFree() async throws {
            let listener = try Listener()
            let outcome = try await serve("--data", "data", "--host", "127.0.0.1", "--port", "\(listener.port)")
            expectRefusal(outcome, 69, names: ["127.0.0.1:\(listener.port)", "another program"])
            expectRefusal(
                try await serve("--data", "data", "--host", "203.0.113.1", "--allow-anyone"), 69, names: ["203.0.113.1"]
            )
        }
    }
}

/// A port that somebody listens at.
private final class Listener {
    private let descriptor: Int32
    let port: UInt16

    init() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.descriptor = descriptor
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, size) == 0 && listen(descriptor, 1) == 0
                    && getsockname(descriptor, pointer, &size) == 0
            }
        }
        try #require(isBound)
        port = UInt16(bigEndian: address.sin_port)
    }

    deinit { close(descriptor) }
}
