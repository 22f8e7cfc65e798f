import Diffusion
import Engine
import Foundation
import HTTPTypes
import Media
import Server
import TestKit
import Testing

@Suite struct ImageRouteTests {
    private static let path = "/v1/images/generations"

    @Test func deliversImagesAsURLs() async throws {
        let server = try await TestServer()
        try await server.run { client in
            let answer = try await client.post(Self.path, #"{"prompt": "a lake", "n": 3, "seed": 5, "size": "96x64"}"#)
            #expect(answer.status == 200, "\(answer.text)")
            #expect(answer.json["size"] as? String == "96x64")
            #expect(answer.json["seed"] as? Int == 5)
            #expect(answer[header: "x-request-id"]?.hasPrefix("req_") ?? false)
            #expect(answer[header: "server-timing"]?.contains("denoise;dur=") ?? false)
            let items = try #require(answer.json["data"] as? [[String: Any]])
            #expect(items.count == 3)
            for item in items {
                let url = try #require((item["url"] as? String).flatMap { URLComponents(string: $0) })
                let file = try await client.get("\(url.path)?\(url.query ?? "")")
                #expect(file[header: "content-type"] == "image/png")
                let image = try Image(decoding: Array(file.body))
                #expect((image.width, image.height) == (96, 64))
                #expect(item["revised_prompt"] as? String == "a lake")
            }
            let id = try #require(answer.json["id"] as? String)
            #expect(try await client.get("/v1/images/\(id)/content?i=3").param == "i")
            #expect(try await client.send(.delete, "/v1/images/\(id)").status == 200)
            #expect(try await client.get("/v1/images/\(id)/content").status == 404)
            #expect(!FileManager.default.fileExists(atPath: server.core.jobs.folder.folder(of: id)))
        }
    }

    @Test(arguments: ["png", "jpeg", "webp"]) func deliversEveryFormatInTheAnswer(_ format: String) async throws {
        let server = try await TestServer()
        try await server.run { client in
            let answer = try await client.post(
                Self.path,
                #"{"prompt": "a lake", "response_format": "b64_json", "output_format": "\#(format)", "n": 2}"#)
            let items = try #require(answer.json["data"] as? [[String: Any]])
            #expect(items.count == 2)
            let id = try #require(answer.json["id"] as? String)
            for (index, item) in items.enumerated() {
                let bytes = try #require((item["b64_json"] as? String).flatMap { Data(base64Encoded: $0) })
                #expect(DecodableFormat(signature: Array(bytes))?.rawValue.lowercased() == format)
                #expect(try await client.get("/v1/images/\(id)/content?i=\(index)").body.elementsEqual(bytes))
            }
            #expect(answer.json["output_format"] as? String == format)
        }
    }

    @Test(arguments: [
        (#"{}"#, "prompt"), (#"{"prompt": ""}"#, "prompt"), (#"{"prompt": 3}"#, "prompt"),
        (#"{"prompt": "a\u0000b"}"#, "prompt"), (#"{"prompt": "a", "size": "100000x10000"}"#, "width"),
        (#"{"prompt": "a", "size": "-1x512"}"#, "size"), (#"{"prompt": "a", "size": "0x0"}"#, "size"),
        (#"{"prompt": "a", "size": "1024x"}"#, "size"), (#"{"prompt": "a", "size": "1024×1024"}"#, "size"),
        (#"{"prompt": "a", "size": "99999999999999999999x1"}"#, "size"), (#"{"prompt": "a", "size": "NaN"}"#, "size"),
        (#"{"prompt": "a", "size": "4096x4096"}"#, "size"), (#"{"prompt": "a", "size": 5}"#, "size"),
        (#"{"prompt": "a", "width": 64}"#, "height"), (#"{"prompt": "a", "height": 64, "width": 0}"#, "width"),
        (#"{"prompt": "a", "n": 0}"#, "n"), (#"{"prompt": "a", "n": 11}"#, "n"), (#"{"prompt": "a", "n": 1e9}"#, "n"),
        (#"{"prompt": "a", "n": "2"}"#, "n"), (#"{"prompt": "a", "seed": -1}"#, "seed"),
        (#"{"prompt": "a", "seed": 18446744073709551616}"#, "seed"), (#"{"prompt": "a", "seed": 1.5}"#, "seed"),
        (#"{"prompt": "a", "num_inference_steps": 0}"#, "num_inference_steps"),
        (#"{"prompt": "a", "num_inference_steps": 1000000000}"#, "num_inference_steps"),
        (#"{"prompt": "a", "guidance_scale": -1}"#, "guidance_scale"),
        (#"{"prompt": "a", "guidance_scale": "NaN"}"#, "guidance_scale"),
        (#"{"prompt": "a", "response_format": "path"}"#, "response_format"),
        (#"{"prompt": "a", "output_format": "svg"}"#, "output_format"),
        (#"{"prompt": "a", "output_compression": 50}"#, "output_compression"),
        (#"{"prompt": "a", "background": true}"#, "background"), (#"{"prompt": "a", "quality": 3}"#, "quality"),
        (#"{"prompt": "a", "frame_count": 4}"#, "frame_count"),
        (#"{"prompt": "a", "steps": 4}"#, "steps"), (#"{"prompt": "a", "image": "x"}"#, "image"),
        (#"{"prompt": "a", "extra_params": {"nonsense": 1}}"#, "nonsense"),
        (#"{"prompt": "a", "extra_params": [1]}"#, "extra_params"),
        (#"{"prompt": "a", "priority": "urgent"}"#, "priority"), (#"{"prompt": "a", "prompt": "b"}"#, "prompt"),
        (#"{"prompt": "a", "partial_images": 2}"#, "partial_images"),
        (#"{"prompt": "a", "stream": true, "n": 2}"#, "n"), (#"{"prompt": "a", "stream": "true"}"#, "stream"),
    ])
    func refusesByName(_ body: String, _ field: String) async throws {
        let server = try await TestServer()
        try await server.run { client in
            let answer = try await client.post(Self.path, body)
            #expect(answer.status == 400, "\(answer.text)")
            #expect(answer.param == field, "\(answer.text)")
            #expect(answer.message.contains(field))
            #expect(answer.error["type"] as? String == "invalid_request_error")
            #expect(server.worker.requests.isEmpty)
        }
    }

    @Test func refusesLongPromptsAndWhatIsNoJSON() async throws {
        let server = try await TestServer()
        try await server.run { client in
            let long = String(repeating: "a", count: 32_001)
            let answer = try await client.post(Self.path, #"{"prompt": "\#(long)"}"#)
            #expect(answer.status == 400 && answer.code == "string_too_long" && answer.param == "prompt")
            let emoji = String(repeating: "😀", count: 1_000_000)
            #expect(try await client.post(Self.path, #"{"prompt": "\#(emoji)"}"#).param == "prompt")
            for body in ["", "{", "[]", "null", #"{"prompt": "\ud800"}"#, String(repeating: "[", count: 100_000)] {
                let answer = try await client.post(Self.path, body)
                #expect(answer.status == 400 && answer.code == "invalid_json", "\(body.prefix(20))")
            }
            let form = try await client.post(Self.path, form: [("prompt", Array("a".utf8))])
            #expect(form.status == 415)
            #expect(try await client.send(.post, Self.path, #"{"prompt": "a"}"#, type: "text/plain").status == 415)
        }
    }

    @Test func refusesBodiesThatAreTooLarge() async throws {
        let server = try await TestServer(settings: { $0.limits.bodyBytes = 1000 })
        try await server.run { client in
            let answer = try await client.post(
                Self.path, #"{"prompt": "\#(String(repeating: "a", count: 1000))"}"#)
            #expect(answer.status == 413 && answer.code == "body_too_large")
        }
    }

    @Test func acceptsWhatOpenAIHasAndTellsWhatHasNoEffect() async throws {
        let server = try await TestServer()
        try await server.run { client in
            let answer = try await client.post(
                Self.path,
                #"{"prompt": "a", "model": "gpt-image-1", "quality": "hd", "style": "vivid", "user": "me", "#
                    + #""size": "auto", "background": "auto", "moderation": "auto", "n": null}"#)
            #expect(answer.status == 200, "\(answer.text)")
            let warnings = try #require(answer.json["warnings"] as? [String])
            #expect(warnings.count == 3)
            #expect(warnings[0].contains("gpt-image-1"))
        }
    }

    @Test func tellsWhatChangesNothing() async throws {
        let server = try await TestServer()
        try await server.run { client in
            let answer = try await client.post(
                Self.path, #"{"prompt": "a", "negative_prompt": "b", "guidance_scale": 1}"#)
            #expect(
                answer.json["warnings"] as? [String] == [
                    "negative_prompt has no effect: guidance_scale is 1.0, and it counts only above 1"
                ], "\(answer.text)")
            let guided = try await client.post(
                Self.path, #"{"prompt": "a", "negative_prompt": "b", "guidance_scale": 2}"#)
            #expect(guided.status == 200 && guided.json["warnings"] == nil)
        }
    }

    @Test func aWorkerThatDiesFailsTheRequestAndOnlyThat() async throws {
        let server = try await TestServer({
            $0.failures = ["doom": .workerDied(worker: 0, process: 7, ending: "was ended by signal 9")]
        })
        try await server.run { client in
            let answer = try await client.post(Self.path, #"{"prompt": "doom"}"#)
            #expect(answer.status == 503 && answer[header: "retry-after"] != nil)
            #expect(answer.message.contains("process 7"))
            #expect(try await client.post(Self.path, #"{"prompt": "a lake"}"#).status == 200)
            server.worker.change { $0.isReady = false }
            #expect(try await client.get("/health").status == 503)
        }
    }

    @Test func aConnectionServesOneRequestAfterAnother() async throws {
        let server = try await TestServer({
            $0.failures = ["doom": .workerDied(worker: 0, process: 7, ending: "was ended by signal 9")]
        })
        try await server.run { client in
            let raw = try RawClient(port: client.port)
            for (body, status) in [
                (#"{"prompt": "doom"}"#, 503), (#"{"prompt": "a lake"}"#, 200), (#"{"prompt": 1}"#, 400),
                (#"{"prompt": "doom"}"#, 503), (#"{"prompt": "a lake", "stream": true}"#, 200),
            ] {
                raw.send(
                    "POST \(Self.path) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
                let answer = try #require(await raw.answer())
                #expect(answer.status == status, "\(body)")
            }
        }
    }

    @Test func aClientThatGoesAwayFreesTheWorkerWithinAStep() async throws {
        let server = try await TestServer({ $0.step = .milliseconds(20) })
        try await server.run { client in
            let places = Effort.isExhaustive ? Array(0..<100) : [0, 1, 3, 7]
            for steps in places {
                let before = server.worker.steps
                let request = Task {
                    try await client.post(Self.path, #"{"prompt": "a", "num_inference_steps": 500}"#)
                }
                let isThere = try await server.wait {
                    server.worker.isBusy && server.worker.steps >= before + steps
                }
                request.cancel()
                let isFree = try await server.wait { !server.worker.isBusy }
                #expect(isThere && isFree)
                #expect(server.worker.steps < before + steps + 20)
            }
            let next = try await client.post(Self.path, #"{"prompt": "a"}"#)
            #expect(next.status == 200)
            let jobs = try await client.get("/v1/jobs?limit=100").json["data"] as? [[String: Any]] ?? []
            #expect(jobs.first?["status"] as? String == "completed")
            #expect(jobs.dropFirst().prefix(places.count).allSatisfy { $0["status"] as? String == "failed" })
            #expect(jobs.count == min(100, places.count + 1))
            #expect((jobs.last?["error"] as? [String: Any])?["code"] as? String == "cancelled")
        }
    }

    @Test func tellsWhatAStepCacheLeftOut() async throws {
        let branch =
            #"{"transformer": 0, "steps": [0, 8], "blocks": 4, "skippedBlocks": [1, 4], "skipped": [3, 5], "#
            + #""changes": [], "audits": [{"step": 3, "error": 0.25}], "stoppedAt": 6}"#
        let report = try JSONDecoder().decode(CacheReport.self, from: Data(#"{"branches": [\#(branch)]}"#.utf8))
        let server = try await TestServer({ $0.cache = report })
        try await server.run { client in
            let answer = try await client.post(Self.path, #"{"prompt": "a lake"}"#)
            let cache = try #require((answer.json["cache"] as? [[String: Any]])?.first)
            #expect(cache["skipped_steps"] as? [Int] == [3, 5])
            #expect(cache["skipped_share"] as? Double == 6.0 / 32)
            #expect(cache["greatest_error"] as? Double == 0.25 && cache["stopped_at"] as? Int == 6)
            #expect(try await client.get("/metrics").text.contains("visualgen_skipped_steps_total 2"))
        }
    }

    @Test func oneKeyGivesOneExecution() async throws {
        let server = try await TestServer({ $0.step = .milliseconds(20) })
        try await server.run { client in
            let headers = ["idempotency-key": "k1"]
            let ids = try await withThrowingTaskGroup(of: String?.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        try await client.post(Self.path, #"{"prompt": "a lake"}"#, headers: headers).json["id"]
                            as? String
                    }
                }
                return try await group.reduce(into: Set<String?>()) { $0.insert($1) }
            }
            #expect(ids.count == 1 && !ids.contains(nil))
            let again = try await client.post(Self.path, #"{"prompt": "a lake"}"#, headers: headers)
            #expect(again.status == 200)
            #expect(server.worker.requests.count == 1)
            let other = try await client.post(Self.path, #"{"prompt": "a house"}"#, headers: headers)
            #expect(other.status == 422 && other.code == "idempotency_key_reused")
        }
    }

    @Test func aRequestWithAKeyGoesOnWithoutItsClient() async throws {
        let server = try await TestServer({ $0.isHeld = true })
        try await server.run { client in
            let headers = ["idempotency-key": "k2"]
            let first = Task { try await client.post(Self.path, #"{"prompt": "a lake"}"#, headers: headers) }
            #expect(try await server.wait { server.worker.isBusy })
            first.cancel()
            _ = await first.result
            try await Task.sleep(for: .milliseconds(100))
            server.worker.change { $0.isHeld = false }
            let second = try await client.post(Self.path, #"{"prompt": "a lake"}"#, headers: headers)
            #expect(second.status == 200)
            #expect(server.worker.requests.count == 1)
        }
    }

    @Test func aStreamEndsWithTheImage() async throws {
        let server = try await TestServer()
        try await server.run { client in
            let answer = try await client.post(Self.path, #"{"prompt": "a", "stream": true}"#)
            #expect(answer[header: "content-type"] == "text/event-stream")
            #expect(answer.text.contains("event: image_generation.completed\ndata: {"))
            #expect(answer.text.contains(#""b64_json":"iVBOR"#))
            #expect(answer.text.contains(#""type":"image_generation.completed""#))
        }
    }

    @Test(arguments: 0...3) func aStreamShowsTheImageOnItsWay(_ count: Int) async throws {
        let server = try await TestServer()
        try await server.run { client in
            let answer = try await client.post(
                Self.path, #"{"prompt": "a", "stream": true, "partial_images": \#(count)}"#)
            let types = answer.text.split(separator: "\n").filter { $0.hasPrefix("event: ") }.map { $0.dropFirst(7) }
            let partial = [Substring](repeating: "image_generation.partial_image", count: count)
            #expect(types == partial + ["image_generation.completed"])
            for index in 0..<count { #expect(answer.text.contains(#""partial_image_index":\#(index)"#)) }
        }
    }

    @Test func aStreamThatFailsSaysWhy() async throws {
        let server = try await TestServer({ $0.failures = ["doom": .noPixels] })
        try await server.run { client in
            let answer = try await client.post(Self.path, #"{"prompt": "doom", "stream": true}"#)
            #expect(answer.text.hasPrefix("event: error\ndata: {\"error\":{"))
        }
    }
}
