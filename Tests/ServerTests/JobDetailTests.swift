import Diffusion
import Foundation
import HTTPTypes
import Media
import Server
import TestKit
import Testing

/// A job in full, images that are asked for without waiting, and small images.
@Suite struct JobDetailTests {
    private static let path = "/v1/images/generations"
    private static let prefer = ["prefer": "respond-async"]

    private func finished(_ id: String, _ client: Client, _ server: TestServer) async throws -> [String: Any] {
        try await server.finished("/v1/jobs/\(id)", client).json
    }

    @Test func tellsAJobInFull() async throws {
        let server = try await TestServer()
        try await server.run { client in
            let asked = try await client.post(
                Self.path,
                #"{"prompt": "a lake", "negative_prompt": "boats", "seed": 9007199254740993, "n": 2, "size": "96x64", "#
                    + #""num_inference_steps": 3, "guidance_scale": 2.5, "output_format": "webp"}"#)
            let id = try #require(asked.json["id"] as? String)
            let answer = try await client.get("/v1/jobs/\(id)")
            let job = answer.json
            #expect(job["status"] as? String == "completed" && job["progress"] as? Int == 100)
            #expect(job["prompt"] as? String == "a lake" && job["negative_prompt"] as? String == "boats")
            #expect(job["size"] as? String == "96x64" && job["count"] as? Int == 2)
            #expect(answer.text.contains(#""seed":9007199254740993"#))
            #expect(job["num_inference_steps"] as? Int == 3 && job["guidance_scale"] as? Double == 2.5)
            #expect(job["step"] as? Int == 3 && job["steps"] as? Int == 3)
            #expect(job["format"] as? String == "webp" && job["bytes"] as? Int ?? 0 > 0)
            #expect((job["timings"] as? [String: Double])?["total"] ?? 0 > 0)
            #expect((job["inputs"] as? [Any])?.isEmpty == true)
            #expect(try await client.get("/v1/jobs/image_x").code == "not_found")
        }
    }

    @Test func answersAtOnceForWhomPrefersThat() async throws {
        let server = try await TestServer({ $0.isHeld = true })
        try await server.run { client in
            let asked = try await client.post(
                Self.path, #"{"prompt": "a lake", "seed": 3, "n": 2, "partial_images": 2}"#, headers: Self.prefer)
            #expect(asked.status == 202, "\(asked.text)")
            #expect(asked[header: "preference-applied"] == "respond-async")
            let id = try #require(asked.json["id"] as? String)
            #expect(asked[header: "location"] == "/v1/jobs/\(id)")
            #expect(try await server.wait { server.worker.isBusy })
            let waiting = try await client.post(Self.path, #"{"prompt": "b"}"#, headers: Self.prefer)
            let other = try #require(waiting.json["id"] as? String)
            #expect(try await server.wait { try await client.get("/v1/jobs/\(other)").json["position"] as? Int == 1 })
            let status = try await client.get("/v1/jobs/\(id)").json["status"] as? String
            #expect(["queued", "in_progress"].contains(status))
            #expect(try await client.send(.delete, "/v1/jobs/\(other)").status == 200)
            server.worker.change { $0.isHeld = false }
            let job = try await finished(id, client, server)
            #expect(job["status"] as? String == "completed")
            #expect(server.worker.requests.first?.previews == 2)
            for index in 0..<2 {
                #expect(try await client.get("/v1/images/\(id)/content?i=\(index)").status == 200)
            }
            #expect(try await client.get("/v1/jobs/\(other)").status == 404)
        }
    }

    /// Two requests without a name of the client's are two jobs, however alike they are.
    @Test func everyRequestIsAJobOfItsOwn() async throws {
        let server = try await TestServer()
        try await server.run { client in
            var ids: Set<String> = []
            for _ in 0..<2 {
                let asked = try await client.post(Self.path, #"{"prompt": "a", "seed": 1}"#, headers: Self.prefer)
                ids.insert(try #require(asked.json["id"] as? String))
            }
            #expect(ids.count == 2)
            for id in ids { #expect(try await finished(id, client, server)["status"] as? String == "completed") }
            for preference in ["wait=10", "respond-asynchronous"] {
                let waited = try await client.post(Self.path, #"{"prompt": "a"}"#, headers: ["prefer": preference])
                #expect(waited.status == 200, "\(preference)")
            }
            let both = try await client.post(
                Self.path, #"{"prompt": "a", "model": "b"}"#,
                headers: ["prefer": "handling=lenient, respond-async; wait=5"])
            #expect(both.status == 202)
            #expect((both.json["warnings"] as? [String])?.first?.contains("this server has only fake") ?? false)
            _ = try await finished(try #require(both.json["id"] as? String), client, server)
            let refused = try await client.post(Self.path, #"{"prompt": ""}"#, headers: Self.prefer)
            #expect(refused.status == 400 && refused.param == "prompt")
            let stream = try await client.post(Self.path, #"{"prompt": "a", "stream": true}"#, headers: Self.prefer)
            #expect(stream[header: "content-type"] == "text/event-stream")
        }
    }

    @Test func whatNobodyWaitsForGoesOnAfterARestart() async throws {
        let folder = try TemporaryFolder()
        let id: String
        do {
            let server = try await TestServer(in: folder, { $0.isHeld = true })
            id = try await server.run { client in
                let asked = try await client.post(Self.path, #"{"prompt": "a"}"#, headers: Self.prefer)
                let busy = try await server.wait { server.worker.isBusy }
                #expect(busy)
                let manager = FileManager.default
                try manager.copyItem(atPath: folder.file("jobs"), toPath: folder.file("crashed"))
                server.worker.change { $0.isHeld = false }
                return try #require(asked.json["id"] as? String)
            }
        }
        let later = try await TestServer(in: folder, settings: { $0.folder = folder.file("crashed") })
        #expect(try await later.wait { try await later.core.jobs.store.job(id, owner: "")?.status == .completed })
    }

    @Test(arguments: [("800x200", 384, 96), ("64x32", 64, 32), ("200x800", 96, 384)])
    func servesSmallImages(_ size: String, _ width: Int, _ height: Int) async throws {
        let server = try await TestServer()
        try await server.run { client in
            let asked = try await client.post(Self.path, #"{"prompt": "a", "n": 2, "size": "\#(size)"}"#)
            let id = try #require(asked.json["id"] as? String)
            for index in 0..<2 {
                let answer = try await client.get("/v1/images/\(id)/content?i=\(index)&variant=thumbnail")
                #expect(answer[header: "content-type"] == "image/jpeg")
                let image = try Image(decoding: Array(answer.body))
                #expect((image.width, image.height) == (width, height))
                let whole = try await client.get("/v1/images/\(id)/content?i=\(index)")
                let pixel = Int(try Image(decoding: Array(whole.body)).pixels[0])
                #expect(abs(Int(image.pixels[0]) - pixel) < 4)
            }
            #expect(try await client.get("/v1/images/\(id)/content?variant=tiny").param == "variant")
            #expect(try await client.get("/v1/images/\(id)/content?i=2&variant=thumbnail").param == "i")
        }
    }

    @Test func givesBackTheImagesOfARequest() async throws {
        let server = try await TestServer({ ($0.makesVideos, $0.takesImages) = (true, true) })
        let png = try Image(width: 4, height: 4, pixels: [UInt8](repeating: 9, count: 48)).encoded(.png())
        let jpeg = try Image(width: 4, height: 4, pixels: [UInt8](repeating: 9, count: 48)).encoded(.jpeg())
        try await server.run { client in
            let images = zip([png, jpeg], ["first_frame", "last_frame"]).map { bytes, role in
                #"{"content": "\#(Data(bytes).base64EncodedString())", "role": "\#(role)"}"#
            }
            let asked = try await client.post(
                "/v1/videos", #"{"prompt": "a", "image_reference": [\#(images.joined(separator: ", "))]}"#)
            let id = try #require(asked.json["id"] as? String)
            let job = try await finished(id, client, server)
            let inputs = try #require(job["inputs"] as? [[String: Any]])
            #expect(inputs.map { $0["role"] as? String } == ["first_frame", "last_frame"])
            #expect(job["num_frames"] as? Int == 5 && job["fps"] as? Double == 8)
            for (index, (bytes, type)) in [(png, "image/png"), (jpeg, "image/jpeg")].enumerated() {
                let input = try await client.get("/v1/jobs/\(id)/inputs/\(index)")
                #expect(Array(input.body) == bytes && input[header: "content-type"] == type)
                #expect(input[header: "x-content-type-options"] == "nosniff")
            }
            for index in ["2", "-1", "x", "%2e%2e"] {
                #expect(try await client.get("/v1/jobs/\(id)/inputs/\(index)").status == 404)
            }
        }
    }

    @Test func everyKeySeesItsOwnJobsOnly() async throws {
        let (folder, lines) = (try TemporaryFolder(), ["alice", "bob"].map { APIKey.new(name: $0, scopes: [.images]) })
        let path = try folder.write(lines.map(\.line).joined(separator: "\n"), to: "keys")
        let server = try await TestServer(settings: { $0.keys = try APIKeys(path: path) })
        try await server.run { client in
            func key(_ index: Int) -> [String: String] { ["authorization": "Bearer \(lines[index].key)"] }
            let asked = try await client.post(
                Self.path, #"{"prompt": "a"}"#, headers: key(0).merging(Self.prefer) { $1 })
            let id = try #require(asked.json["id"] as? String)
            #expect(try await client.get("/v1/jobs/\(id)", headers: key(0)).status == 200)
            for path in ["/v1/jobs/\(id)", "/v1/jobs/\(id)/inputs/0", "/v1/images/\(id)/content?variant=thumbnail"] {
                #expect(try await client.get(path, headers: key(1)).status == 404, "\(path)")
                #expect(try await client.get(path).status == 401, "\(path)")
            }
        }
    }
}
