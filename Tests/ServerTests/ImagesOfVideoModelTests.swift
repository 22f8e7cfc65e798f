import Diffusion
import Engine
import Foundation
import Layers
import Media
import Server
import Tensors
import TestKit
import Testing

/// A model that makes videos and images, here a tiny Cosmos3: each route makes its own.
@Suite struct ImagesOfVideoModelTests {
    private static let images = "/v1/images/generations"

    private func server() async throws -> TestServer {
        var configuration = WorkerConfiguration(model: TinyCheckpoint.path(of: "cosmos3-tiny"))
        (configuration.options, configuration.threads) = (PipelineOptions(ComputePlan(dtype: .float32)), 1)
        let workers = WorkerPool([try InProcessWorker(configuration)])
        let offer = try await workers.start { _ in }
        return try await TestServer(of: ServedModel("tiny", offer, workers: workers, configuration))
    }

    private func body(_ more: String = "") -> String {
        #"{"prompt": "a fox", "size": "48x32", "num_inference_steps": 2, "max_sequence_length": 512, "seed": 1\#(more)}"#
    }

    @Test func makesImagesAtTheRouteOfImages() async throws {
        let server = try await server()
        try await server.run { client in
            let made = try await client.post(Self.images, body(#", "n": 2, "num_frames": 1"#))
            #expect(made.status == 200, "\(made.text)")
            #expect(made.json["size"] as? String == "48x32")
            let id = try #require(made.json["id"] as? String)
            var files: [Data] = []
            for index in 0..<2 {
                let file = try await client.get("/v1/images/\(id)/content?i=\(index)")
                #expect(file[header: "content-type"] == "image/png")
                let image = try Image(decoding: Array(file.body))
                #expect((image.width, image.height) == (48, 32))
                files.append(file.body)
            }
            #expect(files[0] != files[1])
            let thumbnail = try await client.get("/v1/images/\(id)/content?i=1&variant=thumbnail")
            #expect(DecodableFormat(signature: Array(thumbnail.body))?.rawValue == "JPEG")
            let job = try await client.get("/v1/jobs/\(id)").json
            #expect(job["kind"] as? String == "image" && job["num_frames"] as? Int == 1)
            // The model's choices for images, not those for videos.
            #expect(job["guidance_scale"] as? Double == 7)
            let stream = try await client.post(Self.images, body(#", "stream": true, "partial_images": 1"#))
            #expect(stream.text.contains("image_generation.partial_image"))
            #expect(stream.text.contains("image_generation.completed"))

            let video = try await client.post("/v1/videos/sync", body(#", "num_frames": 5"#))
            #expect(video.status == 200 && video[header: "content-type"]?.hasPrefix("video/") == true)
            let list = try #require(try await client.get("/v1/videos").json["data"] as? [[String: Any]])
            #expect(list.count == 1 && list[0]["num_frames"] as? Int == 5)
        }
    }

    @Test(arguments: [
        (#", "num_frames": 5"#, "num_frames", "num_frames is 5; an image has 1, and POST /v1/videos makes videos"),
        (#", "num_frames": 0"#, "num_frames", ""), (#", "fps": 8"#, "fps", ""), (#", "seconds": 2"#, "seconds", ""),
        (#", "extra_params": {"enable_audio": true}"#, "extra_params", "enable_audio is true"),
        (#", "extra_params": {"output_type": "video"}"#, "num_frames", "output_type is video"),
        (#", "extra_params": {"use_guardrails": true}"#, "use_guardrails", "no checker is configured"),
    ])
    func refusesWhatIsNoImageByName(_ more: String, _ field: String, _ words: String) async throws {
        let server = try await server()
        try await server.run { client in
            let answer = try await client.post(Self.images, body(more))
            #expect(answer.status == 400 && answer.param == field, "\(answer.text)")
            #expect(words.isEmpty || answer.message.contains(words), "\(answer.text)")
        }
    }

    @Test func saysBoth() async throws {
        let server = try await server()
        try await server.run { client in
            let offer = try await client.get("/v1/capabilities").json
            #expect(offer["makes"] as? String == "video" && offer["takes_images"] as? Bool == true)
            let alternatives = try #require(offer["alternatives"] as? [[String: Any]])
            #expect(alternatives.map { $0["makes"] as? String } == ["image"])
            let images = try #require(alternatives.first)
            #expect(images["takes_images"] as? Bool == false)
            #expect(images["images"] as? [String: String] == ["first": "refused", "last": "refused"])
            #expect(images["formats"] as? [String] == ["png", "jpeg", "webp"])
            let defaults = try #require(images["defaults"] as? [String: Any])
            #expect(defaults["width"] as? Int == 1024 && defaults["num_frames"] as? Int == 1)
            let names = { (list: Any?) in (list as? [[String: Any]] ?? []).compactMap { $0["name"] as? String } }
            #expect(names(images["fields"]).contains("n") && !names(images["fields"]).contains("num_frames"))
            #expect(names(offer["fields"]).contains("num_frames") && !names(offer["fields"]).contains("n"))
            // Nobody is asked, and nobody can be.
            #expect(!names(offer["extra_params"]).contains("use_guardrails"))
            let edited = try await client.post("/v1/images/edits", body(#", "image": "aGk=""#))
            #expect(edited.status == 400 && edited.code == "model_cannot_edit", "\(edited.text)")
            let schema = try await client.get("/openapi.json").text
            #expect(schema.contains("num_frames"))
        }
    }

    /// As before, a model of images has no frames and one of videos alone no images.
    @Test func othersMakeOneOfThem() async throws {
        let images = try await TestServer()
        try await images.run { client in
            let answer = try await client.post(Self.images, #"{"prompt": "a", "num_frames": 1}"#)
            #expect(answer.param == "num_frames")
            let offer = try await client.get("/v1/capabilities").json
            #expect((offer["alternatives"] as? [Any])?.isEmpty == true)
        }
        let videos = try await TestServer({ $0.makesVideos = true })
        try await videos.run { client in
            let answer = try await client.post(Self.images, #"{"prompt": "a"}"#)
            #expect(answer.code == "model_not_supported")
            let offer = try await client.get("/v1/capabilities").json
            #expect((offer["alternatives"] as? [Any])?.isEmpty == true)
        }
    }
}
