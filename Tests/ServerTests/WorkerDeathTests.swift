import Foundation
import Media
import Server
import TestKit
import Testing

/// What clients see of a worker that dies.
@Suite struct WorkerDeathTests {
    /// A video of which some frames were encoded is made anew, and nothing is shown twice.
    @Test func aVideoIsBegunAnew() async throws {
        let server = try await TestServer({
            ($0.makesVideos, $0.deaths) = (true, ["doom": 1])
        })
        try await server.run { client in
            let body = { (prompt: String) in #"{"prompt": "\#(prompt)", "seed": 5, "partial_images": 2}"# }
            var files: [Data] = []
            for prompt in ["doom", "doom"] {
                let asked = try await client.post("/v1/videos", body(prompt))
                let id = try #require(asked.json["id"] as? String)
                let life = try #require(await server.core.jobs.life(of: id))
                await life.wait()
                #expect(life.previews == 2)
                let job = try await client.get("/v1/jobs/\(id)").json
                #expect(job["status"] as? String == "completed", "\(job)")
                #expect(try await server.core.jobs.store.job(id, owner: "")?.attempts == 1)
                files.append(try await client.get("/v1/videos/\(id)/content").body)
                let path = server.folder.file("\(id).mp4")
                try files.last?.write(to: URL(fileURLWithPath: path))
                let reader = try VideoReader(path: path)
                var frames = 0
                while try reader.next() != nil { frames += 1 }
                #expect(frames == 5)
            }
            #expect(server.worker.requests.count == 3)
            #expect(files[0] == files[1])
            let text = try await client.get("/metrics").text
            for line in [
                "visualgen_job_retries_total 1", #"visualgen_worker_restarts_total{worker="0"} 1"#,
                #"visualgen_jobs_total{kind="video",result="completed"} 2"#, "visualgen_requests_running 0",
            ] { #expect(text.contains(line), "\(line)") }
            let log = try await client.get("/metrics", headers: ["accept": "application/json"])
            let entries = try #require(try JSONSerialization.jsonObject(with: log.body) as? [[String: Any]])
            #expect(entries.last?["numActiveRequests"] as? Int == 0)
            #expect(entries.last?["numQueuedRequests"] as? Int == 0)
        }
    }

    @Test func aStreamShowsEveryPreviewOnceAndThenTheImage() async throws {
        let server = try await TestServer({ $0.deaths = ["doom": 1] })
        try await server.run { client in
            let stream = try await client.post(
                "/v1/images/generations", #"{"prompt": "doom", "stream": true, "partial_images": 3}"#)
            let events = stream.text.split(separator: "\n").filter { $0.hasPrefix("event:") }
            #expect(events.count { $0.hasSuffix("partial_image") } == 3, "\(events)")
            #expect(events.last == "event: image_generation.completed")
            #expect(server.worker.requests.count == 2)
        }
    }

    @Test func aJobThatWaitsAgainSaysSo() async throws {
        let server = try await TestServer({ $0.deaths = ["doom": 1] })
        try await server.run { client in
            server.worker.change { $0.isDown = true }
            let asked = try await client.post(
                "/v1/images/generations", #"{"prompt": "doom"}"#, headers: ["prefer": "respond-async"])
            let id = try #require(asked.json["id"] as? String)
            #expect(
                try await server.wait {
                    let job = try await client.get("/v1/jobs/\(id)").json
                    return job["position"] as? Int == 1 && !server.worker.requests.isEmpty && !server.worker.isBusy
                })
            let job = try await client.get("/v1/jobs/\(id)").json
            #expect(job["stage"] as? String == "queued" && job["progress"] as? Int == 0, "\(job)")
            let health = try await client.get("/health")
            #expect(health.status == 503 && health.message == "the worker is not ready")
            server.worker.change { $0.isDown = false }
            await server.core.jobs.life(of: id)?.wait()
            #expect(try await client.get("/v1/jobs/\(id)").json["status"] as? String == "completed")
            let told = try await client.get("/health").json
            #expect((told["workers"] as? [[String: Any]])?.first?["restarts"] as? Int == 1, "\(told)")
        }
    }
}
