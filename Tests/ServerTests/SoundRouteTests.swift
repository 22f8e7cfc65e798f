import Diffusion
import Engine
import Foundation
import Layers
import Server
import Tensors
import TestKit
import Testing

/// A video with sound, from a family that the server knows nothing of.
@Suite struct SoundRouteTests {
    @Test func aVideoHasItsSound() async throws {
        let checkpoint = try FakeCheckpoint()
        let model = checkpoint.model
        var configuration = WorkerConfiguration(model: model.checkpoint.path)
        (configuration.options, configuration.threads) = (PipelineOptions(ComputePlan(dtype: .float32)), 1)
        let workers = WorkerPool([try InProcessWorker(configuration) { _ in model }])
        let offer = try await workers.start { _ in }
        let served = ServedModel("fake", offer, workers: workers, try Admission(model, configuration.options))
        let server = try await TestServer(of: served)
        try await server.run { client in
            let video = try await client.post(
                "/v1/videos/sync", #"{"prompt": "a dog that barks", "num_inference_steps": 2, "seed": 1}"#)
            #expect(video.status == 200, "\(video.text.prefix(200))")
            for mark in ["avc1", "mp4a"] { #expect(video.body.range(of: Data(mark.utf8)) != nil) }
            let parameters = try await client.get("/v1/capabilities").text
            #expect(parameters.contains("modality_scale"))
            let refused = try await client.post("/v1/videos/sync", #"{"prompt": "a", "modality_scale": 11}"#)
            #expect(refused.status == 400 && refused.param == "modality_scale", "\(refused.text)")
        }
        withExtendedLifetime(checkpoint) {}
    }
}
