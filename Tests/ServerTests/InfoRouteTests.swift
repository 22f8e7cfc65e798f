import Foundation
import HTTPTypes
import Server
import TestKit
import Testing

@Suite struct InfoRouteTests {
    @Test func tellsWhatTheModelMakesAndWithinWhichLimits() async throws {
        let server = try await TestServer({ $0.makesVideos = true })
        try await server.run { client in
            let capabilities = try await client.get("/v1/capabilities").json
            #expect(capabilities["makes"] as? String == "video")
            #expect((capabilities["defaults"] as? [String: Any])?["num_frames"] as? Int == 5)
            #expect((capabilities["limits"] as? [String: Any])?["prompt_characters"] as? Int == 32_000)
            #expect((capabilities["formats"] as? [String])?.contains("mp4") ?? false)
            let models = try await client.get("/v1/models").json
            #expect((models["data"] as? [[String: Any]])?.first?["id"] as? String == "fake")
            #expect(try await client.get("/v1/models/fake").json["id"] as? String == "fake")
            #expect(try await client.get("/v1/models/gpt-image-1").code == "model_not_found")
        }
    }

    /// Every route that the description has is there, and the description has every field's name.
    @Test func describesItself() async throws {
        let server = try await TestServer()
        try await server.run { client in
            let document = try await client.get("/openapi.json").json
            let paths = try #require(document["paths"] as? [String: [String: Any]])
            #expect(paths.count >= 18)
            for (path, operations) in paths {
                for method in operations.keys {
                    let verb = try #require(HTTPRequest.Method(rawValue: method.uppercased()))
                    let address = path.replacing("{id}", with: "x").replacing("{index}", with: "0")
                    let answer = try await client.send(verb, address, verb == .post ? "{}" : nil)
                    #expect(!["unknown_url", "method_not_allowed"].contains(answer.code), "\(method) \(path)")
                }
            }
        }
    }

    @Test(arguments: [
        ("POST", "/v1/chat/completions", 404, "not_offered"), ("POST", "/v1/videos/edits", 404, "not_offered"),
        ("POST", "/v1/videos/extensions", 404, "not_offered"), ("GET", "/v1/files", 404, "not_offered"),
        ("GET", "/nowhere", 404, "unknown_url"), ("GET", "/v1/images/generations", 405, "method_not_allowed"),
        ("DELETE", "/v1/videos", 405, "method_not_allowed"), ("GET", "/v1/videos/../../etc/passwd", 404, nil),
        ("GET", "/v1/images/%2e%2e%2f%2e%2e%2fetc%2fpasswd/content", 404, "not_found"),
        ("GET", "/v1/videos/video_x%00/content", 404, "not_found"), ("GET", "/page.js/../jobs.sqlite", 404, nil),
        ("GET", "/v1/videos//etc/passwd/content", 404, nil),
    ])
    func answersOtherRoutesWithAnErrorObject(
        _ method: String, _ path: String, _ status: Int, _ code: String?
    ) async throws {
        let server = try await TestServer()
        try await server.run { client in
            let answer = try await client.send(try #require(HTTPRequest.Method(rawValue: method)), path)
            #expect(answer.status == status, "\(answer.text)")
            if let code { #expect(answer.code == code) }
            #expect(answer.error["message"] is String && answer[header: "x-request-id"] != nil)
        }
    }

    @Test func tellsItsFigures() async throws {
        let server = try await TestServer()
        try await server.run { client in
            _ = try await client.post("/v1/images/generations", #"{"prompt": "a"}"#)
            let text = try await client.get("/metrics").text
            for line in [
                #"visualgen_jobs_total{kind="image",result="completed"} 1"#,
                #"visualgen_stage_seconds_count{stage="step"} 4"#, #"visualgen_stage_seconds_count{stage="encode"} 1"#,
                #"visualgen_http_requests_total{method="POST",route="/v1/images/generations",status="200"} 1"#,
                #"visualgen_worker_ready{worker="0"} 1"#, #"visualgen_jobs{status="completed"} 1"#,
            ] { #expect(text.contains(line), "\(line)") }
            let json = try await client.get("/metrics", headers: ["accept": "application/json"])
            let entries = try #require(try JSONSerialization.jsonObject(with: json.body) as? [[String: Any]])
            #expect(entries.first?["numQueuedRequests"] as? Int == 1)
            #expect(entries.last?["numActiveRequests"] as? Int == 0)
            #expect(entries.last?["currentStepsProcessed"] as? Int == 4)
            let again = try await client.get("/metrics", headers: ["accept": "application/json"])
            #expect(again.text == "[]")
        }
    }

    /// Nobody has to find out that a silent video has sound.
    @Test func thePagePlaysVideosWithTheirSound() async throws {
        let server = try await TestServer()
        try await server.run { client in
            let script = try await client.get("/jobs.js").text
            let video = try #require(script.firstMatch(of: /make\('video', \{([^}]*)\}/)).1
            #expect(video.contains("controls: true") && !video.contains("muted"))
            #expect(try await client.get("/view.js").text.contains(".pause()"))
            #expect(try await client.get("/form.js").text.contains("enable_audio: ['Sound']"))
        }
    }

    @Test func thePageNeedsNothingFromElsewhere() async throws {
        let server = try await TestServer()
        try await server.run { client in
            let scripts = ["page", "server", "form", "jobs", "view"].map { ("/\($0).js", "text/javascript") }
            for (path, type) in [("/", "text/html"), ("/page.css", "text/css")] + scripts {
                let file = try await client.get(path)
                #expect(file.status == 200 && file[header: "content-type"]?.hasPrefix(type) ?? false)
                #expect(file[header: "content-security-policy"]?.contains("default-src 'none'") ?? false)
                #expect(!file.text.contains("http://") && !file.text.contains("https://"))
            }
        }
    }
}
