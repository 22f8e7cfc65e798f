import Diffusion
import Engine
import Files
import Foundation
import Layers
import Models
import Synchronization
import Tensors
import TestKit
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

    /// Images go to the process, and frames come back.
    @Test func makesAVideoOfImagesAsThisProcessDoes() async throws {
        let model = TinyCheckpoint.path(of: "wan2.2-tiny-i2v-a14b")
        var configuration = WorkerConfiguration(model: model)
        (configuration.options.plan.dtype, configuration.threads) = (.float32, 1)
        var request = GenerationRequest(prompts: ["a lake"])
        (request.height, request.width, request.numFrames, request.numInferenceSteps) = (16, 32, 5, 2)
        (request.seeds, request.maxSequenceLength) = ([42], 16)
        request.images = [try RequestImage(path: "\(Golden.folder)/wan/pictures/first.png")]
        request.lastImage = try RequestImage(path: "\(Golden.folder)/wan/pictures/last.png")
        let resolved = try Wan(CheckpointFolder(model)).resolve(request)
        let worker = ProcessWorker(configuration)
        let local = try InProcessWorker(configuration)
        _ = try await (worker.start { _ in }, local.start { _ in })
        let expected = try await local.generate(resolved) { _ in }.pixels
        #expect(expected.shape == PixelShape(count: 1, frames: 5, height: 16, width: 32))
        for _ in 0..<2 { #expect(try await worker.generate(resolved) { _ in }.pixels == expected) }
        var other = resolved
        other.images = [try #require(resolved.lastImage)]
        #expect(try await worker.generate(other) { _ in }.pixels != expected)
        await worker.close()
    }

    /// All previews of all steps, as this process shows them.
    @Test func showsWhatThisProcessShows() async throws {
        let worker = ProcessWorker(TinyWorker.configuration())
        let local = try InProcessWorker(TinyWorker.configuration())
        _ = try await (worker.start { _ in }, local.start { _ in })
        var request = try TinyWorker.request(steps: 6)
        (request.prompts, request.seeds) = (["a lake", "a dog", "a cat"], [1, 2, 3])
        request.previews = 5
        let asked = request
        func shown(by worker: any Worker) async throws -> [PixelBatch] {
            let shown = Mutex<[PixelBatch]>([])
            _ = try await worker.generate(asked) { progress in
                if case .preview(let pixels) = progress { shown.withLock { $0.append(pixels) } }
            }
            return shown.withLock { $0 }
        }
        let expected = try await shown(by: local)
        #expect(expected.count == 5)
        for _ in 0..<2 { #expect(try await shown(by: worker) == expected) }
        await worker.close()
    }

    /// More than a message holds, which was once the end of the worker.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["VISUALGEN_TEST_ALL"] != nil))
    func showsMoreThanAMessageHolds() async throws {
        let worker = ProcessWorker(TinyWorker.configuration())
        _ = try await worker.start { _ in }
        let process = await worker.processIdentifier
        var request = try TinyWorker.request(steps: 2)
        (request.prompts, request.seeds) = (["a lake", "a dog", "a cat", "a tree", "a boat"], [1, 2, 3, 4, 5])
        (request.height, request.width, request.previews) = (2048, 2048, 1)
        let shown = Mutex<[PixelShape]>([])
        let result = try await worker.generate(request) { progress in
            if case .preview(let pixels) = progress { shown.withLock { $0.append(pixels.shape) } }
        }
        #expect(shown.withLock { $0 } == [result.pixels.shape])
        #expect(result.pixels.bytes.count * 4 / 3 > 64 << 20)
        #expect(await worker.processIdentifier == process)
        await worker.close()
    }

    /// The request fails, and the worker serves the next one.
    @Test func whatIsTooLongForAMessageCostsItsJobAlone() async throws {
        let worker = ProcessWorker(TinyWorker.configuration())
        _ = try await worker.start { _ in }
        let process = await worker.processIdentifier
        var request = try TinyWorker.request()
        request.prompts = [String(repeating: "a", count: 64 << 20)]
        let long = request
        await #expect {
            try await worker.generate(long) { _ in }
        } throws: { error in
            (error as? Failure)?.kind == .request && "\(error)".contains("is too long")
        }
        #expect(try await worker.generate(TinyWorker.request()) { _ in }.pixels == TinyWorker.expected())
        #expect(await worker.processIdentifier == process)
        await worker.close()
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
