import Engine
import Foundation
import Glibc
import TestKit
import Testing

/// What killed workers left behind goes; what others put beside it stays.
@Suite struct PrivateFolderTests {
    @Test func onlyItsOwnFoldersAreRemoved() throws {
        let parent = try TemporaryFolder()
        let kept = [
            "visualgen-photos", "visualgen-worker-photos", "visualgen-worker-opened", "visualgen-worker-toolong",
        ]
        for name in kept + ["visualgen-worker-socket", "visualgen-worker-empty0"] {
            #expect(mkdir(parent.file(name), name.hasSuffix("opened") ? 0o755 : 0o700) == 0)
        }
        for name in ["visualgen-photos", "visualgen-worker-photos"] { try parent.write("photo", to: "\(name)/a.jpg") }
        try Self.makeSocket(parent.file("visualgen-worker-socket/worker"))
        for name in parent.names {
            var times = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 0)]
            #expect(utimensat(AT_FDCWD, parent.file(name), &times, 0) == 0)
        }
        PrivateFolder.sweep(parent.path)
        #expect(parent.names == kept.sorted())
        #expect(FileManager.default.fileExists(atPath: parent.file("visualgen-worker-photos/a.jpg")))
    }

    private static func makeSocket(_ path: String) throws {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8CString)
        try #require(bytes.count <= MemoryLayout.size(ofValue: address.sun_path))
        withUnsafeMutableBytes(of: &address.sun_path) { target in
            for (index, byte) in bytes.enumerated() { target[index] = UInt8(bitPattern: byte) }
        }
        let isBound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        #expect(isBound)
    }
}
