import Diffusion
import Engine
import Synchronization
import Testing

@Suite(.serialized) struct ProcessWorkerTests {
    @Test func givesTheBytesThatThisProcessGives() async throws {
        let worker = ProcessWorker(TinyWorker.configuration())
        let local = try InProcessWorker(TinyWorker.configuration())
        let seen = Mutex<[Diffusion.Progress]>([])
        var offer = try await worker.start { progress in seen.withLock { $0.append(progress) } }
        var same = try await local.start { _ in }
        (offer.loadSeconds, same.loadSeconds, offer.warmUpSeconds, same.warmUpSeconds) = (0, 0, 0, 0)
        #expect(offer == same)
        #expect(seen.withLock { $0 }.contains(.loading("transformer")))
        let steps = Mutex<[Diffusion.Progress]>([])
        let result = try await worker.generate(TinyWorker.request()) { progress in
            steps.withLock { $0.append(progress) }
        }
        #expect(try await result.pixels == TinyWorker.expected())
        #expect(result.times.denoise.count == 4)
        let denoising = (0...4).map { Diffusion.Progress.denoising(step: $0, of: 4) }
        #expect(steps.withLock { $0 } == [.encodingText] + denoising + [.decoding])
        await worker.close()
        await #expect(throws: EngineError.closed) { try await worker.generate(TinyWorker.request()) { _ in } }
    }

    @Test func aModelThatCannotBeLoadedFailsItsRequestsWithTheCause() async throws {
        let worker = ProcessWorker(WorkerConfiguration(model: "/nowhere"), limits: TinyWorker.limits())
        for _ in 0..<2 {
            await #expect(throws: Failure(.model, "there is no model at /nowhere")) { try await worker.start { _ in } }
        }
        await #expect(throws: Failure.self) { try await worker.generate(TinyWorker.request()) { _ in } }
        await worker.close()
    }

    @Test func twoWorkersDoNotDisturbEachOther() async throws {
        let expected = try await TinyWorker.expected()
        let workers = [
            ProcessWorker(TinyWorker.configuration(), index: 0), ProcessWorker(TinyWorker.configuration(), index: 1),
        ]
        try await withThrowingTaskGroup { group in
            for worker in workers {
                group.addTask {
                    for _ in 0..<5 {
                        let pixels = try await worker.generate(TinyWorker.request()) { _ in }.pixels
                        #expect(pixels == expected)
                    }
                }
            }
            try await group.waitForAll()
        }
        for worker in workers { await worker.close() }
    }
}
