import Foundation
import Synchronization
import TestKit
import Testing

/// A run of the program as users run it: a process of its own.
struct VisualGen: Sendable {
    /// What a process left behind.
    struct Outcome: Sendable, CustomTestStringConvertible {
        let status: Int32
        /// Whether a signal ended it.
        let isKilled: Bool
        let output: String
        let errors: String
        let seconds: Double

        var testDescription: String {
            "\(isKilled ? "signal" : "status") \(status)\noutput: \(output)\nerrors: \(errors)"
        }

        /// The lines on standard error but for progress.
        var complaints: [String] {
            errors.split(separator: "\n").map(String.init).filter { line in
                !["loading ", "encoding ", "denoising: ", "decoding", "saved "].contains { line.hasPrefix($0) }
            }
        }
    }

    /// The program, built beside the tests.
    static let path: String = {
        let build = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent(".build")
        let beside =
            Bundle.allBundles.map { $0.bundleURL.deletingLastPathComponent() }
            + [URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()]
            + ["release", "debug"].map { build.appendingPathComponent($0) }
        return beside.map { $0.appendingPathComponent("visualgen").path }
            .first { FileManager.default.isExecutableFile(atPath: $0) } ?? "visualgen"
    }()

    /// The process's folder, where relative paths begin.
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Runs the program to its end.
    func callAsFunction(_ arguments: String...) async throws -> Outcome { try await run(arguments) }

    /// Runs the program to its end.
    func run(_ arguments: [String]) async throws -> Outcome {
        try await Self.run(Self.path, arguments, in: folder.path)
    }

    /// Runs the program to its end with a number of threads, of which each has memory of its own.
    func run(_ arguments: [String], threads: Int) async throws -> Outcome {
        try await Self.run("/usr/bin/env", ["OMP_NUM_THREADS=\(threads)", Self.path] + arguments, in: folder.path)
    }

    /// Runs a line of the shell, in which `$0` is the program.
    func shell(_ line: String, _ arguments: String...) async throws -> Outcome {
        try await Self.run("/bin/bash", ["-c", line, Self.path] + arguments, in: folder.path)
    }

    /// Arguments that make a small image.
    static func generation(_ model: String = TinyCheckpoint.path(), _ more: String...) -> [String] {
        [
            "generate", "--model", model, "--prompt", "a lake", "--size", "32x32", "--num-inference-steps", "2",
            "--seed", "1", "--max-sequence-length", "16",
        ] + more
    }

    /// Runs a program; when it has written a text to standard error, it gets a signal.
    static func run(
        _ path: String, _ arguments: [String], in folder: String, interruptedAt text: String? = nil,
        signal: Int32 = SIGINT
    ) async throws -> Outcome {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        let (output, errors) = (Pipe(), Pipe())
        (process.standardOutput, process.standardError) = (output, errors)
        process.standardInput = FileHandle.nullDevice
        let start = ContinuousClock.now
        let interrupted = Mutex<ContinuousClock.Instant?>(nil)
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        process.terminationHandler = { _ in end.finish() }
        try process.run()
        let identifier = process.processIdentifier
        async let outputText = read(output) { _ in }
        async let errorText = read(errors) { sofar in
            guard let text, sofar.contains(text) else { return }
            interrupted.withLock { moment in
                if moment == nil {
                    moment = .now
                    kill(identifier, signal)
                }
            }
        }
        let (written, complained) = await (outputText, errorText)
        for await _ in ends {}
        let from = interrupted.withLock { $0 } ?? start
        return Outcome(
            status: process.terminationStatus, isKilled: process.terminationReason == .uncaughtSignal,
            output: written, errors: complained,
            seconds: Double((ContinuousClock.now - from).components.attoseconds) * 1e-18
                + Double((ContinuousClock.now - from).components.seconds))
    }

    /// Everything that comes through a pipe, read by a thread of its own.
    private static func read(_ pipe: Pipe, _ observe: @escaping @Sendable (String) -> Void) async -> String {
        let handle = pipe.fileHandleForReading
        return await withCheckedContinuation { continuation in
            Thread {
                var data = Data()
                while true {
                    let more = handle.availableData
                    if more.isEmpty { break }
                    data.append(more)
                    observe(String(decoding: data, as: UTF8.self))
                }
                continuation.resume(returning: String(decoding: data, as: UTF8.self))
            }.start()
        }
    }
}

/// Expects a refusal: a status, one sentence that names things, no trace of a crash, and no output.
func expectRefusal(
    _ outcome: VisualGen.Outcome, _ status: Int32, names: [String], at location: SourceLocation = #_sourceLocation
) {
    #expect(outcome.status == status, "\(outcome.testDescription)", sourceLocation: location)
    #expect(!outcome.isKilled, "\(outcome.testDescription)", sourceLocation: location)
    #expect(outcome.complaints.count == 1, "\(outcome.testDescription)", sourceLocation: location)
    for name in names {
        #expect(outcome.errors.contains(name), "\(name): \(outcome.testDescription)", sourceLocation: location)
    }
    for mark in ["Fatal error", "Stack dump", "backtrace", "*** ", "terminate called", "Swift runtime"] {
        #expect(!outcome.errors.contains(mark), "\(outcome.testDescription)", sourceLocation: location)
    }
    #expect(outcome.output.isEmpty, "\(outcome.testDescription)", sourceLocation: location)
}
