import Foundation
import TestKit
import Testing

/// A server that may not open as many files as clients want connections.
@Suite(.serialized) struct DescriptorSerialTests {
    @Test func raisesItsLimitAndSaysSo() async throws {
        let folder = try TemporaryFolder()
        let log = folder.file("log")
        let server = try await ServedProcess(
            "demo-image", data: folder.file("data"), log: log, openFiles: "ulimit -S -n 200")
        let text = try String(contentsOfFile: log, encoding: .utf8)
        #expect(text.contains("more files and connections may be open"), "\(text)")
        #expect(text.contains("before=200"), "\(text)")
        let limits = try String(contentsOfFile: "/proc/\(server.identifier)/limits", encoding: .utf8)
        let line = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max open files") })
        let figures = line.split(separator: " ").compactMap { Int($0) }
        #expect(figures.count == 2 && figures[0] == figures[1], "\(line)")
        #expect(server.end(with: SIGTERM) == 0)
    }

    /// At the limit it waits, says so once, and goes on when there is room again.
    @Test func restsWhileItHasNoDescriptors() async throws {
        let folder = try TemporaryFolder()
        let log = folder.file("log")
        // The server itself has some 35; half of the limit would be room for connections.
        let server = try await ServedProcess(
            "demo-image", data: folder.file("data"), log: log, openFiles: "ulimit -n 56", "--host", "127.0.0.1")
        let port = try #require(server.address.split(separator: ":").last.flatMap { Int($0) })
        var clients = try (0..<60).map { _ in try RawClient(port: port) }
        func text() throws -> String { try String(contentsOfFile: log, encoding: .utf8) }
        let end = ContinuousClock.now + .seconds(120)
        while try !text().contains("no more connections"), ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(10))
        }
        let before = try Self.seconds(of: server.identifier)
        try await Task.sleep(for: .seconds(1))
        #expect(try Self.seconds(of: server.identifier) - before < 0.3)
        withExtendedLifetime(clients) {}
        clients = []
        let found = await server.ask("/health")
        #expect(found?.status == 200)
        #expect(try text().components(separatedBy: "no more connections").count == 2)
        #expect(server.end(with: SIGTERM) == 0)
    }

    /// The processor's seconds of a process.
    private static func seconds(of process: Int32) throws -> Double {
        let text = try String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
        let fields = text[(try #require(text.lastIndex(of: ")")))...].split(separator: " ")
        let ticks = try #require(Double(fields[12])) + #require(Double(fields[13]))
        return ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}
