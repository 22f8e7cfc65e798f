import Foundation
import TestKit

/// The example programs, as they were built beside the tests.
enum ExampleProgram {
    /// A program built beside the tests.
    private static func program(_ name: String) -> URL {
        let running = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: running).deletingLastPathComponent().appendingPathComponent(name)
    }

    static func start(_ name: String, _ arguments: [String] = [], in folder: TemporaryFolder) throws -> Process {
        let process = Process()
        process.executableURL = program(name)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        return process
    }
}
