import Diffusion
import Engine
import Foundation
import Synchronization
import TestKit
import Testing

/// What happens at its moment: deaths, hangs, cancellation, and what the border between processes costs.
@Suite(.serialized) struct ProcessWorkerSerialTests {
    @Test func servesRequestsInTheirOrder() async throws {
        let worker = ProcessWorker(TinyWorker.configuration())
        let done = try await withThrowingTaskGroup(of: UInt64.self) { group in
            for seed in UInt64(0)..<5 {
                group.addTask {
                    _ = try await worker.generate(TinyWorker.request(seed: seed)) { _ in }
                    return seed
                }
                try await Task.sleep(for: .milliseconds(20))
            }
            return try await group.reduce(into: [UInt64]()) { $0.append($1) }
        }
        #expect(done == [0, 1, 2, 3, 4])
        await worker.close()
    }

    /// Killed at fifty random moments of a generation: as the text is encoded, within a step, in decoding, at the end.
    @Test func aKilledWorkerCostsItsJobAloneAndTheNextGivesTheSameBytes() async throws {
        let steps = 40
        let expected = try await TinyWorker.expected(steps: steps)
        let worker = ProcessWorker(TinyWorker.configuration(), limits: TinyWorker.limits())
        _ = try await worker.start { _ in }
        var random = SplitMix(state: 7)
        var deaths = 0
        for _ in 0..<50 {
            let process = try #require(await worker.processIdentifier)
            let event = Int.random(in: 0...steps + 2, using: &random)
            let delay = UInt32.random(in: 0...4000, using: &random)
            let seen = Mutex(0)
            do {
                let result = try await worker.generate(TinyWorker.request(steps: steps)) { _ in
                    let count = seen.withLock { count in
                        defer { count += 1 }
                        return count
                    }
                    guard count == event else { return }
                    usleep(delay)
                    kill(process, SIGKILL)
                }
                #expect(result.pixels == expected)
            } catch {
                let ending = "was ended by signal 9 (Killed)"
                #expect(error as? EngineError == .workerDied(worker: 0, process: process, ending: ending), "\(error)")
                deaths += 1
            }
            // One that was killed when all was done may die with the next request.
            var next = try? await worker.generate(TinyWorker.request(steps: steps)) { _ in }
            if next == nil { next = try await worker.generate(TinyWorker.request(steps: steps)) { _ in } }
            #expect(next?.pixels == expected)
        }
        #expect(deaths > 20)
        await worker.close()
    }

    @Test func aStoppedWorkerIsFoundKilledAndNamed() async throws {
        let worker = ProcessWorker(TinyWorker.configuration(), limits: TinyWorker.limits { $0.silence = .seconds(2) })
        _ = try await worker.start { _ in }
        let process = try #require(await worker.processIdentifier)
        kill(process, SIGSTOP)
        let start = ContinuousClock.now
        let symptom = "said nothing for 2.0 seconds"
        await #expect(throws: EngineError.workerHung(worker: 0, process: process, symptom: symptom)) {
            try await worker.generate(TinyWorker.request()) { _ in }
        }
        #expect(ContinuousClock.now - start < .seconds(10))
        #expect(kill(process, 0) == -1)
        _ = try await worker.generate(TinyWorker.request()) { _ in }
        await worker.close()
    }

    @Test func aJobWithoutProgressIsKilledAndNamed() async throws {
        let worker = ProcessWorker(
            TinyWorker.configuration(), limits: TinyWorker.limits { $0.stall = .microseconds(1) })
        // Long enough for a sign of life during a step, on a fast machine too.
        var request = try TinyWorker.request(steps: 1000)
        (request.height, request.width) = (128, 128)
        let long = request
        await #expect {
            try await worker.generate(long) { _ in }
        } throws: { error in
            guard case EngineError.workerHung(0, _, let symptom) = error else { return false }
            return symptom.contains("finished no step for")
        }
        await worker.close()
    }

    @Test func aCancelledRequestEndsWithinAStepAtEveryStep() async throws {
        let expected = try await TinyWorker.expected()
        let worker = ProcessWorker(TinyWorker.configuration())
        _ = try await worker.start { _ in }
        for step in 0..<4 {
            let watch = StepWatch(cancellingAt: step)
            let running = Task { try await worker.generate(TinyWorker.request(steps: 200)) { watch.see($0) } }
            watch.watch(running)
            await #expect(throws: CancellationError.self) { try await running.value }
            #expect(watch.last < 100)
            #expect(try await worker.generate(TinyWorker.request()) { _ in }.pixels == expected)
        }
        await worker.close()
    }

    @Test func aCancelledRequestThatWaitsLeavesTheQueue() async throws {
        let worker = ProcessWorker(TinyWorker.configuration())
        _ = try await worker.start { _ in }
        async let first = worker.generate(TinyWorker.request(steps: 900)) { _ in }
        try await Task.sleep(for: .milliseconds(50))
        let second = Task { try await worker.generate(TinyWorker.request()) { _ in } }
        try await Task.sleep(for: .milliseconds(50))
        second.cancel()
        await #expect(throws: CancellationError.self) { try await second.value }
        #expect(try await first.times.denoise.count == 900)
        await worker.close()
    }

    @Test func aClosedWorkerFailsWhatWaits() async throws {
        let worker = ProcessWorker(TinyWorker.configuration())
        _ = try await worker.start { _ in }
        let process = try #require(await worker.processIdentifier)
        let running = Task { try await worker.generate(TinyWorker.request(steps: 900)) { _ in } }
        try await Task.sleep(for: .milliseconds(200))
        await worker.close()
        await #expect(throws: EngineError.closed) { try await running.value }
        #expect(kill(process, 0) == -1)
    }

    @Test func crossingTheProcessesBorderCostsLessThanFiveMilliseconds() async throws {
        let process = ProcessWorker(TinyWorker.configuration())
        let local = try InProcessWorker(TinyWorker.configuration())
        _ = try await (process.start { _ in }, local.start { _ in })
        /// What a quiet run costs besides its stages: other tests may run beside most of them.
        func overhead(_ worker: any Worker) async throws -> Double {
            var seconds: [Double] = []
            for _ in 0..<41 {
                let start = ContinuousClock.now
                let times = try await worker.generate(TinyWorker.request(steps: 1)) { _ in }.times
                let whole = (ContinuousClock.now - start).seconds
                seconds.append(whole - times.text - times.denoise.reduce(0, +) - times.decode)
            }
            return seconds.sorted()[4]
        }
        let (across, within) = try await (overhead(process), overhead(local))
        print("the process's border costs \((across - within) * 1000) ms")
        #expect(across - within < 0.005)
        await process.close()
    }
}

/// Cancels a task as soon as it has come to a step.
private final class StepWatch: Sendable {
    private let step: Int
    private let state = Mutex<(task: Task<WorkerResult, any Error>?, last: Int)>((nil, 0))

    init(cancellingAt step: Int) { self.step = step }

    var last: Int { state.withLock { $0.last } }

    func watch(_ task: Task<WorkerResult, any Error>) { state.withLock { $0.task = task } }

    func see(_ progress: Diffusion.Progress) {
        guard case .denoising(let done, _) = progress else { return }
        state.withLock { state in
            state.last = done
            if done >= step { state.task?.cancel() }
        }
    }
}
