import Diffusion
import Engine
import Layers
import Models
import Synchronization
import Tensors
import TestKit
import Testing

/// How a worker's process hands over a video frame by frame.
@Suite(.serialized) struct PartDeliveryTests {
    private static func worker() -> ProcessWorker {
        var configuration = WorkerConfiguration(model: TinyCheckpoint.path(of: "wan2.1-tiny-t2v"))
        (configuration.options.plan.dtype, configuration.threads) = (.float32, 1)
        return ProcessWorker(configuration, limits: TinyWorker.limits())
    }

    private static func request(frames: Int) throws -> GenerationRequest {
        var request = GenerationRequest(prompts: ["a lake"])
        (request.height, request.width, request.numFrames, request.numInferenceSteps) = (16, 16, frames, 1)
        (request.seeds, request.maxSequenceLength) = ([42], 16)
        let folder = try CheckpointFolder(TinyCheckpoint.path(of: "wan2.1-tiny-t2v"))
        return try Catalog.family(of: folder).init(folder).resolve(request)
    }

    @Test func framesComeInOrderAndNoneIsLost() async throws {
        let (worker, request) = (Self.worker(), try Self.request(frames: 21))
        _ = try await worker.start { _ in }
        let collector = OutputCollector()
        let frames = Mutex<[Int]>([])
        _ = try await worker.generate(request, observe: { _ in }) { part in
            collector.add(part)
            guard case .pixels(let part) = part else { return }
            frames.withLock { $0 += Array(part.firstFrame..<part.firstFrame + part.frameCount) }
        }
        #expect(frames.withLock { $0 } == Array(0..<21))
        #expect(try await worker.generate(request).pixels == collector.pixels)
        await worker.close()
    }

    /// The job fails with what its receiver threw; the process stays and serves the next.
    @Test func aReceiverThatFailsCostsItsJobAlone() async throws {
        let (worker, request) = (Self.worker(), try Self.request(frames: 41))
        _ = try await worker.start { _ in }
        let process = await worker.processIdentifier
        let count = Mutex(0)
        await #expect(throws: EngineError.noPixels) {
            _ = try await worker.generate(request, observe: { _ in }) { _ in
                count.withLock { $0 += 1 }
                throw EngineError.noPixels
            }
        }
        #expect(count.withLock { $0 } == 1)
        for _ in 0..<2 { #expect(try await worker.generate(request).pixels.shape.frames == 41) }
        #expect(await worker.processIdentifier == process)
        await worker.close()
    }
}
