import Diffusion
import Engine
import Foundation
import HTTPTypes
import Media
import Server
import TestKit
import Testing

/// A server with a checker: what that does not allow is told with an error of its own, and nothing of it is stored.
@Suite struct GuardrailRouteTests {
    private static let images = "/v1/images/generations"

    private func server(
        _ checker: FakeChecker?, in folder: TemporaryFolder? = nil, makesVideos: Bool = false,
        _ behave: (inout FakeWorker.Behaviour) -> Void = { _ in },
        settings: (inout ServerSettings) throws -> Void = { _ in }
    ) async throws -> TestServer {
        try await TestServer(
            in: folder, checker: checker.map { GuardrailSettings(url: $0.url) },
            {
                ($0.makesVideos, $0.takesImages, $0.parameters) = (makesVideos, true, [.useGuardrails])
                behave(&$0)
            }, settings: settings)
    }

    private func finished(_ id: String, _ client: Client, _ server: TestServer) async throws -> [String: Any] {
        try await server.finished("/v1/jobs/\(id)", client).json
    }

    private func media(_ server: TestServer) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: "\(server.core.jobs.folder.path)/media")
    }

    private func jobs(_ client: Client) async throws -> [[String: Any]] {
        try #require(try await client.get("/v1/jobs").json["data"] as? [[String: Any]])
    }

    @Test func asksBeforeAndAfter() async throws {
        let checker = try await FakeChecker()
        let server = try await server(checker)
        try await server.run { client in
            let body = #"{"prompt": "a fox", "negative_prompt": "fog", "n": 2, "guidance_scale": 3}"#
            let made = try await client.post(Self.images, body)
            #expect(made.status == 200 && made.json["warnings"] == nil, "\(made.text)")
            #expect(checker.questions.map(\.stage) == ["prompt", "output", "output"])
            #expect(checker.questions.allSatisfy { $0.prompt == "a fox" && $0.negativePrompt == "fog" })
            for question in checker.questions.dropFirst() {
                #expect(try Image(decoding: question.frames[0].bytes).width == 64)
            }
            let id = try #require(made.json["id"] as? String)
            let job = try await client.get("/v1/jobs/\(id)").json
            #expect((job["extra_params"] as? [String: Bool]) == ["use_guardrails": true])
            let capabilities = try await client.get("/v1/capabilities").json
            #expect(capabilities["partial_images"] as? Bool == false)
            #expect((capabilities["extra_params"] as? [Any])?.isEmpty == true)
            let unchecked = #"{"prompt": "a", "extra_params": {"use_guardrails": false}}"#
            #expect(try await client.post(Self.images, unchecked).param == "use_guardrails")
        }
    }

    @Test func aBlockedPromptIsNeverAJob() async throws {
        let checker = try await FakeChecker(prompt: .block(reason: "no foxes"))
        for makesVideos in [false, true] {
            let server = try await server(checker, makesVideos: makesVideos)
            try await server.run { client in
                for path in makesVideos ? ["/v1/videos", "/v1/videos/sync"] : [Self.images] {
                    let answer = try await client.post(path, #"{"prompt": "a fox"}"#)
                    #expect(answer.status == 400 && answer.code == "moderation_blocked", "\(answer.text)")
                    #expect(answer.message == "the guardrail does not allow the prompt: no foxes")
                }
                #expect(try await jobs(client).isEmpty)
                #expect(try media(server).isEmpty)
                #expect(server.worker.requests.isEmpty)
            }
        }
    }

    @Test func ofABlockedImageNothingIsLeft() async throws {
        let checker = try await FakeChecker(output: .block(reason: "too red"))
        let server = try await server(checker)
        try await server.run { client in
            let answer = try await client.post(Self.images, #"{"prompt": "a secret fox", "n": 2}"#)
            #expect(answer.status == 400 && answer.code == "moderation_blocked", "\(answer.text)")
            #expect(answer.message == "the guardrail does not allow what was made: too red")
            #expect(checker.questions.map(\.stage) == ["prompt", "output"])
            try await nothingIsLeft(client, server)
        }
    }

    @Test func ofABlockedVideoNothingIsLeft() async throws {
        let checker = try await FakeChecker(output: .block())
        let server = try await server(checker, makesVideos: true)
        try await server.run { client in
            let image = try Image(width: 32, height: 16, pixels: .init(repeating: 60, count: 32 * 16 * 3))
            let file = Data(try image.encoded(.png())).base64EncodedString()
            let created = try await client.post(
                "/v1/videos", #"{"prompt": "a secret fox", "image_reference": "\#(file)", "num_frames": 20}"#)
            #expect(created.status == 202, "\(created.text)")
            let id = try #require(created.json["id"] as? String)
            let job = try await finished(id, client, server)
            #expect((job["error"] as? [String: Any])?["code"] as? String == "moderation_blocked", "\(job)")
            #expect((job["inputs"] as? [Any])?.isEmpty == true)
            let questions = checker.questions
            #expect(questions.map(\.stage) == ["prompt", "output"])
            #expect(try Image(decoding: questions[0].images[0].bytes).width == 32)
            #expect(questions[1].frames.count == 8 && questions[1].frameCount == 20)
            for variant in ["video", "thumbnail", "spritesheet"] {
                #expect(try await client.get("/v1/videos/\(id)/content?variant=\(variant)").status == 400)
            }
            #expect(try await client.get("/v1/jobs/\(id)/preview").status == 404)
            #expect(try await client.get("/v1/jobs/\(id)/inputs/0").status == 404)
            let sync = try await client.post("/v1/videos/sync", #"{"prompt": "a secret owl"}"#)
            #expect(sync.status == 400 && sync.code == "moderation_blocked", "\(sync.text)")
            try await nothingIsLeft(client, server)
        }
    }

    /// Its files and its words; that there was a job stays, for who asks what became of it.
    private func nothingIsLeft(_ client: Client, _ server: TestServer) async throws {
        #expect(try await server.wait { try media(server).isEmpty })
        let jobs = try await jobs(client)
        #expect(!jobs.isEmpty)
        for job in jobs {
            #expect(job["status"] as? String == "failed" && job["prompt"] as? String == "", "\(job)")
            let id = try #require(job["id"] as? String)
            #expect(try await !client.get("/v1/jobs/\(id)").text.contains("secret"))
            let stored = try #require(try await server.core.jobs.store.job(id, owner: ""))
            #expect(!"\(stored)".contains("secret"))
        }
    }

    /// Whatever is wrong with the checker: nothing is made without its yes, and nothing kept.
    @Test func withoutAnAnswerNothingIsMade() async throws {
        let lines = LogLines()
        let dead = try await TestServer(
            log: lines.log, checker: GuardrailSettings(url: "http://127.0.0.1:1/?token=secret"))
        try await dead.run { client in
            let answer = try await client.post(Self.images, #"{"prompt": "a fox"}"#)
            #expect(answer.status == 503 && answer.code == "guardrail_unavailable", "\(answer.text)")
            #expect(answer.message.contains("guardrail") && !answer.message.contains("127.0.0.1"))
            #expect(answer[header: "retry-after"] != nil)
            #expect(dead.worker.requests.isEmpty)
            #expect(try await jobs(client).isEmpty)
        }
        #expect(lines.all.contains { $0.contains("http://127.0.0.1:1 failed: it was refused") })
        #expect(!lines.all.contains { $0.contains("secret") || $0.contains("fox") })

        let silent = try await FakeChecker(prompt: .silence)
        var settings = GuardrailSettings(url: silent.url)
        settings.timeout = 0.05
        let late = try await TestServer(checker: settings)
        try await late.run { client in
            let answer = try await client.post(Self.images, #"{"prompt": "a fox"}"#)
            #expect(answer.code == "guardrail_unavailable")
            #expect(late.worker.requests.isEmpty)
        }

        let odd = try await FakeChecker(output: .text(200, "fine"))
        let server = try await server(odd)
        try await server.run { client in
            let answer = try await client.post(Self.images, #"{"prompt": "a fox"}"#)
            #expect(answer.status == 503 && answer.code == "guardrail_unavailable", "\(answer.text)")
            #expect(try await server.wait { try media(server).isEmpty })
            #expect(try await jobs(client)[0]["status"] as? String == "failed")
        }
    }

    /// What is not finished cannot have been allowed.
    @Test func nothingIsShownOnItsWay() async throws {
        let checker = try await FakeChecker()
        let server = try await server(checker)
        try await server.run { client in
            let body = #"{"prompt": "a fox", "partial_images": 2}"#
            let asked = try await client.post(Self.images, body, headers: ["prefer": "respond-async"])
            let warning = "partial_images has no effect: the guardrail is shown only what is finished"
            #expect(asked.json["warnings"] as? [String] == [warning], "\(asked.text)")
            let job = try await finished(try #require(asked.json["id"] as? String), client, server)
            #expect(job["status"] as? String == "completed" && job["previews"] as? Int == 0)
            #expect(server.worker.requests.map(\.previews) == [0])
            let stream = try await client.post(
                Self.images, #"{"prompt": "a fox", "stream": true, "partial_images": 2}"#)
            #expect(!stream.text.contains("partial_image\n") && stream.text.contains("image_generation.completed"))
        }
    }

    /// Another server's guardrail, or none, is what counts for the next version of a video.
    @Test func aRemixIsAskedAboutAnew() async throws {
        let folder = try TemporaryFolder()
        let first = try await FakeChecker()
        var id = ""
        do {
            let server = try await server(first, in: folder, makesVideos: true)
            id = try await server.run { client in
                let created = try await client.post("/v1/videos", #"{"prompt": "a fox"}"#)
                let id = try #require(created.json["id"] as? String)
                #expect(try await finished(id, client, server)["status"] as? String == "completed")
                let remix = try await client.post("/v1/videos/\(id)/remix", #"{"prompt": "an owl"}"#)
                #expect(remix.status == 202, "\(remix.text)")
                #expect(first.questions.last { $0.stage == "prompt" }?.prompt == "an owl")
                let other = try #require(remix.json["id"] as? String)
                #expect(try await finished(other, client, server)["status"] as? String == "completed")
                return id
            }
            try FileManager.default.copyItem(atPath: folder.file("jobs"), toPath: folder.file("later"))
        }
        let later = try await server(nil, in: folder, makesVideos: true, settings: { $0.folder = folder.file("later") })
        try await later.run { [id] client in
            let remix = try await client.post("/v1/videos/\(id)/remix", #"{"prompt": "a wolf"}"#)
            #expect(remix.status == 202, "\(remix.text)")
            let other = try #require(remix.json["id"] as? String)
            #expect(try await finished(other, client, later)["status"] as? String == "completed")
        }
        #expect(!first.questions.contains { $0.prompt == "a wolf" })
    }

    /// Of requests that are computed together each is asked about by itself.
    @Test func oneOfABatchIsBlocked() async throws {
        let checker = try await FakeChecker(output: .blockPrompt("b"))
        let server = try await server(checker, { $0.isHeld = true })
        try await server.run { client in
            var ids: [String] = []
            for prompt in ["first", "a", "b", "c"] {
                let asked = try await client.post(
                    Self.images, #"{"prompt": "\#(prompt)"}"#, headers: ["prefer": "respond-async"])
                ids.append(try #require(asked.json["id"] as? String))
                #expect(try await server.wait { server.worker.isBusy })
            }
            #expect(try await server.wait { await server.core.queue.waitingCount == 3 })
            server.worker.change { $0.isHeld = false }
            var states: [String?] = []
            for id in ids { states.append(try await finished(id, client, server)["status"] as? String) }
            #expect(states == ["completed", "completed", "failed", "completed"])
            #expect(server.worker.requests.map(\.prompts) == [["first"], ["a", "b", "c"]])
            #expect(Set(checker.questions.filter { $0.stage == "output" }.map(\.prompt)) == ["first", "a", "b", "c"])
            let kept = Set(ids.filter { $0 != ids[2] })
            #expect(
                try await server.wait {
                    let media = "\(server.core.jobs.folder.path)/media"
                    return Set(try FileManager.default.contentsOfDirectory(atPath: media)) == kept
                })
        }
    }

    /// Without a checker it was accepted; with one it does not go on unasked.
    @Test func whatAnEarlierServerAcceptedIsAskedAboutToo() async throws {
        let folder = try TemporaryFolder()
        var ids: [String] = []
        do {
            let jobs = try JobFolder(path: folder.file("jobs"))
            let store = try JobStore(path: jobs.storePath)
            for prompt in ["a fox", "an owl"] {
                var request = GenerationRequest(prompts: [prompt])
                (request.seeds, request.previews) = ([1], 3)
                let work = JobWork(request: try FakeWorker.resolve(request, true), format: "mp4")
                let job = Job(id: "video_\(ids.count)", kind: .video, owner: "", priority: .normal, work: work)
                ids.append(try await store.accept(job, sameWithin: nil).id)
                try jobs.create(job.id, inputs: [])
            }
        }
        let checker = try await FakeChecker(prompt: .blockPrompt("an owl"))
        let later = try await server(checker, in: folder, makesVideos: true)
        for (id, status) in zip(ids, [Job.Status.completed, .failed]) {
            #expect(try await later.wait { try await later.core.jobs.store.job(id, owner: "")?.isOver ?? false })
            #expect(try await later.core.jobs.store.job(id, owner: "")?.status == status)
        }
        #expect(later.worker.requests.map(\.prompts) == [["a fox"]])
        #expect(later.worker.requests.map(\.previews) == [0])
        #expect(try await later.core.jobs.store.job(ids[1], owner: "")?.errorCode == "moderation_blocked")
    }
}
