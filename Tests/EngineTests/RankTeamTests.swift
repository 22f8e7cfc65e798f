import Diffusion
import Engine
import Foundation
import Layers
import Parallel
import Synchronization
import TestKit
import Testing

/// Ranks that are processes of this host, and what becomes of them.
@Suite(.serialized) struct RankTeamTests {
    private static func configuration() -> WorkerConfiguration {
        var configuration = TinyWorker.configuration()
        configuration.options.plan.parallel.ulysses = 2
        return configuration
    }

    /// Rank 0 in this process, and its team.
    private static func worker() async throws -> (InProcessWorker, RankTeam) {
        let team = try #require(try RankTeam.assemble(configuration(), lost: { _ in }))
        let worker = try InProcessWorker(configuration(), team: team)
        _ = try await worker.start { _ in }
        return (worker, team)
    }

    /// Rank 0 behind the engine's own border, as a server has it.
    private static func processWorker() async throws -> ProcessWorker {
        let worker = ProcessWorker(configuration(), limits: TinyWorker.limits())
        _ = try await worker.start { _ in }
        return worker
    }

    /// Has a worker make a long request, and acts at a step of it.
    private static func disturb(
        _ worker: any Worker, atStep step: Int, steps: Int = 1000, _ act: @escaping @Sendable () -> Void
    ) async throws {
        let observe: ProgressObserver = { if case .denoising(step: step, of: _) = $0 { act() } }
        _ = try await worker.generate(TinyWorker.request(steps: steps), observe: observe, deliver: { _ in })
    }

    @Test func makesWhatOneRankMakes() async throws {
        let (worker, team) = try await Self.worker()
        let expected = try await TinyWorker.expected()
        for _ in 0..<3 { #expect(try await worker.generate(TinyWorker.request()).pixels == expected) }
        team.close()
    }

    @Test func serveAProcessWorker() async throws {
        let worker = try await Self.processWorker()
        #expect(try await worker.generate(TinyWorker.request()).pixels == TinyWorker.expected())
        await worker.close()
    }

    @Test func cancelsOnAllRanksAndGoesOn() async throws {
        let (worker, team) = try await Self.worker()
        let task = Mutex<Task<Void, any Error>?>(nil)
        let started = Task {
            try await Self.disturb(worker, atStep: 2, steps: 500) { task.withLock { $0?.cancel() } }
        }
        task.withLock { $0 = started }
        if case .success = await started.result { Issue.record("it was not cancelled") }
        #expect(try await worker.generate(TinyWorker.request()).pixels == TinyWorker.expected())
        team.close()
    }

    /// Killed at a step, or stopped: the job fails with the rank's name.
    @Test(arguments: [(SIGKILL, "was ended by signal 9 (Killed)"), (SIGSTOP, "said nothing for 5.0 seconds")])
    func namesARankThatIsLost(_ signal: Int32, _ reason: String) async throws {
        let (worker, team) = try await Self.worker()
        let process = try #require(team.processes[1])
        await #expect(throws: EngineError.rankLost(1, reason: reason)) {
            try await Self.disturb(worker, atStep: 2) { kill(process, signal) }
        }
        #expect(team.isLost)
        // Nothing more can be asked.
        await #expect(throws: EngineError.self) { try await worker.generate(TinyWorker.request()) }
    }

    /// A request reaches other ranks with its images, by the way of all of them.
    @Test func carriesImagesToOtherRanks() throws {
        var request = try TinyWorker.request()
        func picture(_ side: Int) -> RequestImage {
            let bytes = (0..<side * side * 3).map { UInt8(truncatingIfNeeded: $0) }
            return RequestImage(name: "\(side)", pixels: PixelBatch(count: 1, height: side, width: side, bytes: bytes))
        }
        (request.images, request.lastImage) = ([picture(3), picture(5)], picture(2))
        let bytes = try RequestBytes(request).bytes
        #expect(try RequestBytes(bytes: bytes).request() == request)
        #expect(throws: Failure.self) { try RequestBytes(bytes: Array(bytes.dropLast())).request() }
    }

    /// At any moment a rank may die; a server's worker goes on with others.
    @Test func aKilledRankCostsItsJobAlone() async throws {
        let steps = 30
        let expected = try await TinyWorker.expected(steps: steps)
        let worker = try await Self.processWorker()
        var random = SplitMix(state: 3)
        let isExhaustive = ProcessInfo.processInfo.environment["VISUALGEN_TEST_ALL"] != nil
        for _ in 0..<(isExhaustive ? 50 : 3) {
            let leader = try #require(await worker.processIdentifier)
            let moment = Int.random(in: 1..<steps, using: &random)
            await #expect(throws: (any Error).self) {
                try await Self.disturb(worker, atStep: moment) {
                    for child in children(of: leader) { kill(child, SIGKILL) }
                }
            }
            #expect(try await worker.generate(TinyWorker.request(steps: steps)).pixels == expected)
        }
        await worker.close()
    }
}

/// The processes that a process started.
private func children(of process: Int32) -> [Int32] {
    let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")) ?? []
    return threads.flatMap { thread in
        let text = (try? String(contentsOfFile: "/proc/\(process)/task/\(thread)/children", encoding: .utf8)) ?? ""
        return text.split(separator: " ").compactMap { Int32($0) }
    }
}
