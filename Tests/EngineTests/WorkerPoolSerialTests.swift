import Diffusion
import Engine
import Foundation
import Synchronization
import TestKit
import Testing

/// Processes that are killed under a pool.
@Suite(.serialized) struct WorkerPoolSerialTests {
    /// One of two is killed at fifty random moments, while both compute: nothing is lost, and every byte is the same.
    @Test func aKilledWorkerCostsNothingButTime() async throws {
        let steps = 40
        let expected = try await TinyWorker.expected(steps: steps)
        let limits = TinyWorker.limits()
        let workers = (0..<2).map { ProcessWorker(TinyWorker.configuration(), index: $0, limits: limits) }
        let pool = WorkerPool(workers, limits: limits)
        _ = try await pool.start { _ in }
        var random = SplitMix(state: 9)
        let begun = Mutex(0)
        for round in 1...50 {
            let victim = workers[Int.random(in: 0...1, using: &random)]
            let process = try #require(await victim.processIdentifier)
            let event = Int.random(in: 0...steps + 2, using: &random)
            let seen = Mutex(0)
            let note = { @Sendable (progress: Diffusion.Progress) in
                if progress == .encodingText { begun.withLock { $0 += 1 } }
            }
            async let other = pool.generate(TinyWorker.request(steps: steps), observe: note)
            let one = try await pool.generate(TinyWorker.request(steps: steps)) { progress in
                note(progress)
                let count = seen.withLock { count in
                    defer { count += 1 }
                    return count
                }
                if count == event { kill(process, SIGKILL) }
            }
            #expect(one.pixels == expected)
            #expect(try await other.pixels == expected)
            // One that was killed when its work was done is replaced before the next round kills another.
            while await victim.processIdentifier == process { try await Task.sleep(for: .milliseconds(1)) }
            for worker in workers { while await !worker.isReady() { try await Task.sleep(for: .milliseconds(1)) } }
            let restarts = await pool.conditions().map(\.restarts).reduce(0, +)
            #expect(restarts == round)
        }
        // Two requests a round; most kills cost one of them an attempt.
        #expect(begun.withLock { $0 } > 120)
        await pool.close()
    }

    @Test func aStoppedWorkerCostsNothingButTime() async throws {
        let limits = TinyWorker.limits { $0.silence = .seconds(2) }
        let worker = ProcessWorker(TinyWorker.configuration(), limits: limits)
        let pool = WorkerPool([worker], limits: limits)
        _ = try await pool.start { _ in }
        let process = try #require(await worker.processIdentifier)
        kill(process, SIGSTOP)
        #expect(try await pool.generate(TinyWorker.request()).pixels == TinyWorker.expected())
        #expect(kill(process, 0) == -1)
        await pool.close()
    }

    @Test func whatLosesTwoProcessesFailsWithTheCause() async throws {
        let limits = TinyWorker.limits()
        let worker = ProcessWorker(TinyWorker.configuration(), limits: limits)
        let pool = WorkerPool([worker], limits: limits)
        _ = try await pool.start { _ in }
        let killed = Mutex<[Int32]>([])
        let kills = { @Sendable in
            let process = await worker.processIdentifier ?? 0
            killed.withLock { $0.append(process) }
            kill(process, SIGKILL)
        }
        do {
            _ = try await pool.generate(TinyWorker.request(steps: 1000)) { progress in
                if case .denoising(step: 1, _) = progress { Task { await kills() } }
            }
            Issue.record("it was made")
        } catch {
            let last = try #require(killed.withLock { $0.last })
            let ending = "was ended by signal 9 (Killed)"
            #expect(error as? EngineError == .workerDied(worker: 0, process: last, ending: ending))
        }
        #expect(killed.withLock { $0.count } == 2)
        #expect(try await pool.generate(TinyWorker.request()).pixels == TinyWorker.expected())
        await pool.close()
    }
}
