import Diffusion
import Engine
import Foundation
import HTTPTypes
import Media
import Server
import TestKit
import Testing

@Suite struct VideoRouteTests {
    private func server(
        step: Duration = .milliseconds(5), settings: (inout ServerSettings) throws -> Void = { _ in }
    ) async throws -> TestServer {
        try await TestServer(
            {
                $0.makesVideos = true
                $0.step = step
            }, settings: settings)
    }

    private func finished(_ id: String, _ client: Client, _ server: TestServer) async throws -> Client.Answer {
        try await server.finished("/v1/videos/\(id)", client)
    }

    @Test func makesAVideoFromTheFormOfOpenAIsClient() async throws {
        let server = try await server(step: .milliseconds(20))
        try await server.run { client in
            let created = try await client.post(
                "/v1/videos",
                form: [("prompt", Array("a fox".utf8)), ("seconds", Array("2".utf8)), ("size", Array("96x64".utf8))])
            #expect(created.status == 202, "\(created.text)")
            #expect(created.json["object"] as? String == "video")
            #expect(created[header: "openai-poll-after-ms"] != nil)
            let id = try #require(created.json["id"] as? String)
            var (states, steps): (Set<String>, [Int]) = ([], [])
            while true {
                let answer = try await client.get("/v1/videos/\(id)")
                states.insert(answer.json["status"] as? String ?? "")
                steps.append(answer.json["progress"] as? Int ?? -1)
                if answer.json["status"] as? String == "completed" { break }
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(states.isSubset(of: ["queued", "in_progress", "completed"]))
            #expect(steps == steps.sorted() && steps.last == 100)
            let video = try await client.get("/v1/videos/\(id)").json
            #expect(video["seconds"] as? String == "2")
            #expect(video["num_frames"] as? Int == 16)
            #expect(video["size"] as? String == "96x64")
            #expect(video["expires_at"] != nil)

            let file = try await client.get("/v1/videos/\(id)/content")
            #expect(file[header: "content-type"] == "video/mp4")
            let path = server.folder.file("video.mp4")
            try file.body.write(to: URL(fileURLWithPath: path))
            let reader = try VideoReader(path: path)
            #expect((reader.width, reader.height, reader.rate?.value) == (96, 64, 8))
            var count = 0
            while try reader.next() != nil { count += 1 }
            #expect(count == 16)
            for (variant, format) in [("thumbnail", "WebP"), ("spritesheet", "JPEG")] {
                let image = try await client.get("/v1/videos/\(id)/content?variant=\(variant)")
                #expect(DecodableFormat(signature: Array(image.body))?.rawValue == format)
            }
            #expect(try await client.get("/v1/videos/\(id)/content?variant=x").param == "variant")
        }
    }

    @Test func servesPartsOfAFile() async throws {
        let server = try await server()
        try await server.run { client in
            let made = try await client.post("/v1/videos/sync", #"{"prompt": "a fox"}"#)
            #expect(made.status == 200 && made[header: "content-type"] == "video/mp4")
            let list = try await client.get("/v1/videos").json["data"] as? [[String: Any]]
            let id = try #require(list?.first?["id"] as? String)
            let path = "/v1/videos/\(id)/content"
            for (range, bytes) in [
                ("bytes=0-9", made.body.prefix(10)), ("bytes=-5", made.body.suffix(5)),
                ("bytes=20-", made.body.dropFirst(20)), ("bytes=0-99999999", made.body[...]),
            ] {
                let part = try await client.get(path, headers: ["range": range])
                #expect(part.status == 206 && part.body == Data(bytes), "\(range)")
            }
            for range in ["bytes=99999999-", "bytes=5-1", "bytes=a-b"] {
                #expect(try await client.get(path, headers: ["range": range]).status == 416, "\(range)")
            }
            #expect(try await client.send(.head, path)[header: "content-length"] == "\(made.body.count)")
        }
    }

    @Test func pagesThroughVideos() async throws {
        let server = try await server()
        try await server.run { client in
            var ids: [String] = []
            for number in 0..<5 {
                let created = try await client.post("/v1/videos", #"{"prompt": "\#(number)"}"#)
                ids.append(try #require(created.json["id"] as? String))
            }
            for (order, expected) in [("asc", ids), ("desc", ids.reversed())] {
                var (found, after): ([String], String?) = ([], nil)
                repeat {
                    let path = "/v1/videos?limit=2&order=\(order)" + (after.map { "&after=\($0)" } ?? "")
                    let page = try await client.get(path).json
                    let data = try #require(page["data"] as? [[String: Any]])
                    found += data.compactMap { $0["id"] as? String }
                    after = page["has_more"] as? Bool == true ? page["last_id"] as? String : nil
                } while after != nil
                #expect(found == expected)
            }
            for query in ["limit=0", "limit=101", "limit=x", "order=up", "after=video_0", "page=2"] {
                #expect(try await client.get("/v1/videos?\(query)").status == 400, "\(query)")
            }
        }
    }

    @Test func deletesWhatWaitsAndWhatRuns() async throws {
        let server = try await server(step: .seconds(60))
        try await server.run { client in
            let body = #"{"prompt": "long", "num_inference_steps": 400}"#
            let running = try #require(try await client.post("/v1/videos", body).json["id"] as? String)
            let waiting = try #require(try await client.post("/v1/videos", body).json["id"] as? String)
            #expect(try await server.wait { server.worker.isBusy })
            #expect(try await client.get("/v1/videos/\(waiting)").json["status"] as? String == "queued")
            let notReady = try await client.get("/v1/videos/\(running)/content")
            #expect(notReady.status == 400 && notReady.code == "not_ready")
            for id in [waiting, running] {
                let deleted = try await client.send(.delete, "/v1/videos/\(id)")
                #expect(deleted.json["deleted"] as? Bool == true)
                #expect(deleted.json["object"] as? String == "video.deleted")
                #expect(try await client.get("/v1/videos/\(id)").status == 404)
                #expect(try await client.send(.delete, "/v1/videos/\(id)").status == 404)
            }
            #expect(try await server.wait { !server.worker.isBusy })
            #expect(server.worker.requests.count == 1)
            let media = "\(server.core.jobs.folder.path)/media"
            #expect(try await server.wait { try FileManager.default.contentsOfDirectory(atPath: media).isEmpty })
        }
    }

    /// Ten times as many as may wait: all who are let in are served, in order, and the others are told when to come back.
    @Test func sendsAwayWhatIsTooMuch() async throws {
        let server = try await TestServer(
            { ($0.makesVideos, $0.isHeld, $0.step) = (true, true, .milliseconds(1)) },
            settings: { ($0.limits.waiting, $0.limits.waitingPerKey) = (12, 12) })
        try await server.run { client in
            func ask(_ number: Int) async throws -> Client.Answer {
                try await client.post("/v1/videos", #"{"prompt": "\#(number)", "num_inference_steps": 1}"#)
            }
            var ids = [try #require(try await ask(0).json["id"] as? String)]
            #expect(try await server.wait { server.worker.isBusy })
            for number in 1...120 {
                let answer = try await ask(number)
                if let id = answer.json["id"] as? String, answer.status == 202 { ids.append(id) }
                #expect((answer.status == 202) == (number <= 12))
                guard number > 12 else { continue }
                #expect(answer.status == 429 && answer.code == "queue_full", "\(answer.text)")
                #expect((1...60).contains(answer[header: "retry-after"].flatMap { Int($0) } ?? 0))
            }
            let positions = try #require(try await client.get("/v1/jobs?limit=20").json["data"] as? [[String: Any]])
                .map { $0["position"] as? Int }
            #expect(positions == (1...12).reversed() + [nil])
            server.worker.change { $0.isHeld = false }
            for id in ids { #expect(try await finished(id, client, server).json["status"] as? String == "completed") }
            #expect(server.worker.requests.map { $0.prompts[0] } == (0...12).map { "\($0)" })
            #expect(try await ask(121).status == 202)
        }
    }

    /// What a video looks like on its way, for those who ask for it.
    @Test(arguments: [0, 2]) func showsAVideoOnItsWay(_ count: Int) async throws {
        let server = try await server(step: .seconds(60))
        try await server.run { client in
            let body = #"{"prompt": "a", "partial_images": \#(count), "num_inference_steps": 9}"#
            let id = try #require(try await client.post("/v1/videos", body).json["id"] as? String)
            #expect(try await server.wait { server.worker.isBusy })
            #expect(server.worker.requests.first?.previews == count)
            #expect(try await client.get("/v1/jobs/\(id)/preview").status == 404)
            #expect(
                try await client.post("/v1/videos", #"{"prompt": "a", "partial_images": 4}"#).param == "partial_images")
            #expect(try await client.send(.delete, "/v1/jobs/\(id)").status == 200)
        }
    }

    @Test func aFailedVideoSaysWhy() async throws {
        let server = try await TestServer({
            $0.makesVideos = true
            $0.failures = ["doom": .workerDied(worker: 0, process: 7, ending: "was ended by signal 9")]
        })
        try await server.run { client in
            let created = try await client.post("/v1/videos", #"{"prompt": "doom"}"#)
            let video = try await finished(try #require(created.json["id"] as? String), client, server).json
            #expect(video["status"] as? String == "failed")
            let error = try #require(video["error"] as? [String: Any])
            #expect((error["message"] as? String)?.contains("process 7") ?? false)
        }
    }

    @Test func tellsWhatChangesNothing() async throws {
        let server = try await server()
        try await server.run { client in
            let body = #"{"prompt": "a", "negative_prompt": "b", "guidance_scale": 1}"#
            let made = try await client.post("/v1/videos", body)
            #expect((made.json["warnings"] as? [String])?.count == 1, "\(made.text)")
            let id = try #require(made.json["id"] as? String)
            _ = try await finished(id, client, server)
            let remix = try await client.post("/v1/videos/\(id)/remix", body)
            #expect((remix.json["warnings"] as? [String])?.count == 1, "\(remix.text)")
        }
    }

    @Test func remixesWithAnotherPrompt() async throws {
        let server = try await server()
        try await server.run { client in
            let created = try await client.post("/v1/videos", #"{"prompt": "a fox", "seed": 9, "num_frames": 3}"#)
            let id = try #require(created.json["id"] as? String)
            let remix = try await client.post("/v1/videos/\(id)/remix", #"{"prompt": "a dog"}"#)
            #expect(remix.status == 202, "\(remix.text)")
            #expect(remix.json["remixed_from_video_id"] as? String == id)
            #expect(remix.json["prompt"] as? String == "a dog")
            #expect(remix.json["seed"] as? Int == 9)
            #expect(remix.json["num_frames"] as? Int == 3)
            #expect(try await client.post("/v1/videos/video_x/remix", #"{"prompt": "a"}"#).status == 404)
            #expect(try await client.post("/v1/videos/\(id)/remix", #"{"prompt": "a", "x": 1}"#).param == "x")
        }
    }

    @Test func aPostThatTheClientRepeatsIsOneVideo() async throws {
        let server = try await server()
        try await server.run { client in
            let body = #"{"prompt": "a fox"}"#
            let first = try await client.post("/v1/videos", body).json["id"] as? String
            let retried = try await client.post("/v1/videos", body, headers: ["x-stainless-retry-count": "1"])
            #expect(retried.json["id"] as? String == first)
            let another = try await client.post("/v1/videos", body).json["id"] as? String
            #expect(another != first)
        }
    }

    @Test(arguments: [
        (#"{"prompt": "a", "seconds": "0"}"#, "seconds"), (#"{"prompt": "a", "seconds": "61"}"#, "seconds"),
        (#"{"prompt": "a", "seconds": "soon"}"#, "seconds"), (#"{"prompt": "a", "num_frames": 0}"#, "num_frames"),
        (#"{"prompt": "a", "num_frames": 7201}"#, "num_frames"), (#"{"prompt": "a", "fps": 0}"#, "fps"),
        (#"{"prompt": "a", "fps": 121}"#, "fps"), (#"{"prompt": "a", "seconds": 0.01}"#, "seconds"),
        (#"{"prompt": "a", "format": "mov"}"#, "format"), (#"{"prompt": "a", "format": "safetensors"}"#, "format"),
        (#"{"prompt": "a", "response_format": "b64_json"}"#, "response_format"),
        (#"{"prompt": "a", "n": 2}"#, "n"), (#"{"prompt": "a", "video_reference": "x"}"#, "video_reference"),
        (#"{"prompt": "a", "input_reference": "http://127.0.0.1/x.png"}"#, "input_reference"),
        (#"{"prompt": "a", "input_reference": "file:///etc/passwd"}"#, "input_reference"),
        (#"{"prompt": "a", "input_reference": "/etc/passwd"}"#, "input_reference"),
        (#"{"prompt": "a", "input_reference": "!"}"#, "input_reference"),
        (#"{"prompt": "a", "input_reference": {"file_id": "file_1"}}"#, "input_reference"),
        (#"{"prompt": "a", "image_reference": {"content": "aGk=", "format": "path"}}"#, "image_reference"),
        (#"{"prompt": "a", "input_reference": "aGVsbG8="}"#, "input_reference"),
        (
            #"{"prompt": "a", "num_inference_steps": 1000, "num_frames": 7200, "size": "2048x2048"}"#,
            "num_inference_steps"
        ),
    ])
    func refusesByName(_ body: String, _ field: String) async throws {
        let server = try await server()
        try await server.run { client in
            let answer = try await client.post("/v1/videos", body)
            #expect(answer.status == 400, "\(answer.text)")
            #expect(answer.param == field, "\(answer.text)")
            #expect(server.worker.requests.isEmpty)
        }
    }
}
