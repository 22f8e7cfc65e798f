import Foundation
import TestKit
import Testing

@Suite(.serialized) struct ExampleTests {
    /// A program built beside the tests.
    private static func program(_ name: String) -> URL {
        let running = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: running).deletingLastPathComponent().appendingPathComponent(name)
    }

    private static func start(_ name: String, _ arguments: [String] = [], in folder: TemporaryFolder) throws -> Process
    {
        let process = Process()
        process.executableURL = program(name)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        return process
    }

    @Test(arguments: [
        ("QuickStart", ["quick-start.png"]), ("TextToImage", ["text-to-image.png"]),
        ("Batch", ["batch-1.png", "batch-2.png", "batch-3.png"]),
    ])
    func drawsItsPictures(_ name: String, _ files: [String]) throws {
        let folder = try TemporaryFolder()
        let process = try Self.start(name, in: folder)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        for file in files { #expect(FileManager.default.fileExists(atPath: folder.file(file)), "\(file)") }
    }

    /// Whatever way the parent dies, its workers are gone within two seconds.
    @Test(arguments: [SIGKILL, SIGTERM, SIGINT]) func noWorkerOutlivesItsParent(_ signal: Int32) async throws {
        let folder = try TemporaryFolder()
        let parent = try Self.start("TextToImage", in: folder)
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
