import AsyncHTTPClient
import Foundation
import NIOCore
import NIOFoundationEssentialsCompat
import NIOHTTP1
import TestKit

/// `visualgen serve` as users run it: a process of its own.
final class ServedProcess {
    private let process = Process()
    private let log: String
    /// Its own: a port is given again, and a shared pool may still hold a connection to who had it before.
    private let connections = HTTPClient(eventLoopGroupProvider: .singleton)
    private(set) var address = ""

    /// Starts it, if wanted after a command of the shell that limits the files it opens, and waits until it listens.
    init(_ model: String, data: String, log: String, openFiles limit: String? = nil, _ more: String...) async throws {
        self.log = log
        let arguments = ["serve", model, "--port", "0", "--data", data] + more
        process.executableURL = URL(fileURLWithPath: limit == nil ? Self.program : "/bin/sh")
        process.arguments =
            limit.map { ["-c", "\($0); exec \"$0\" \"$@\"", Self.program] + arguments } ?? arguments
        _ = FileManager.default.createFile(atPath: log, contents: nil)
        process.standardError = FileHandle(forWritingAtPath: log)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        while process.isRunning {
            let text = try String(contentsOfFile: log, encoding: .utf8)
            if let found = text.firstMatch(of: /serves \S+ at (http:\S+)/) {
                address = String(found.1)
                return
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw NotStarted(log: try String(contentsOfFile: log, encoding: .utf8))
    }

    struct NotStarted: Error { let log: String }

    deinit {
        kill(process.processIdentifier, SIGKILL)
        try? connections.syncShutdown()
    }

    /// The system's number of it.
    var identifier: Int32 { process.processIdentifier }

    /// Sends a signal and waits for the end.
    func end(with signal: Int32) -> Int32 {
        kill(process.processIdentifier, signal)
        process.waitUntilExit()
        return process.terminationStatus
    }

    /// Asks it; nil if it does not answer.
    func ask(_ path: String, post body: String? = nil) async -> (status: Int, body: Data)? {
        var request = HTTPClientRequest(url: "\(address)\(path)")
        if let body {
            request.method = .POST
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(ByteBuffer(string: body))
        }
        guard let answer = try? await connections.execute(request, timeout: .seconds(20)),
            let content = try? await answer.body.collect(upTo: 1 << 26)
        else { return nil }
        return (Int(answer.status.code), Data(buffer: content))
    }

    /// The object that it answers with.
    func object(_ path: String, post body: String? = nil) async -> [String: Any] {
        guard let answer = await ask(path, post: body) else { return [:] }
        return (try? JSONSerialization.jsonObject(with: answer.body)) as? [String: Any] ?? [:]
    }

    /// The program, built beside the tests.
    private static var program: String {
        let build = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent(".build")
        let candidates =
            [URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()]
            + ["release", "debug"].map { build.appendingPathComponent($0) }
        return candidates.map { $0.appendingPathComponent("visualgen").path }
            .first { FileManager.default.isExecutableFile(atPath: $0) } ?? "visualgen"
    }
}
