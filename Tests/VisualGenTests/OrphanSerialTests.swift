import Foundation
import TestKit
import Testing

@Suite(.serialized) struct OrphanSerialTests {
    /// Whatever way the parent dies, its workers are gone within two seconds.
    @Test(arguments: [SIGKILL, SIGTERM, SIGINT]) func noWorkerOutlivesItsParent(_ signal: Int32) async throws {
        let folder = try TemporaryFolder()
        let parent = try ExampleProgram.start("TextToImage", in: folder)
        var workers: [Int32] = []
        for _ in 0..<2000 where workers.isEmpty {
            try await Task.sleep(for: .milliseconds(10))
            workers = Self.children(of: parent.processIdentifier)
        }
        try #require(workers.count == 1)
        kill(parent.processIdentifier, signal)
        let death = ContinuousClock.now
        while workers.contains(where: { Self.parent(of: $0) != nil }), ContinuousClock.now - death < .seconds(10) {
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(ContinuousClock.now - death < .seconds(2))
        parent.waitUntilExit()
    }

    private static func children(of parent: Int32) -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.filter { Self.parent(of: $0) == parent }
    }

    /// The parent of a process; nil if the process is over.
    private static func parent(of process: Int32) -> Int32? {
        guard let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let end = status.lastIndex(of: ")")
        else { return nil }
        let fields = status[end...].dropFirst(2).split(separator: " ")
        guard fields.count > 1, fields[0] != "Z", let parent = Int32(fields[1]) else { return nil }
        return parent
    }
}
