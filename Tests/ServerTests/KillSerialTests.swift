import Foundation
import HTTPTypes
import Media
import TestKit
import Testing

/// The real program with a tiny model that makes videos.
@Suite(.serialized) struct KillSerialTests {
    private static let model = TinyCheckpoint.path(of: "wan2.1-tiny-t2v")
    private static let body =
        #"{"prompt": "a fox", "size": "32x32", "num_frames": 5, "num_inference_steps": 3, "max_sequence_length": 16}"#

    private func serve(_ folder: TemporaryFolder, _ log: String, workers: Int = 1) async throws -> ServedProcess {
        // Running the model's own sizes first would take longer than all the rest.
        let config = try folder.write("compilation_config: {skip_warmup: true}", to: "config.yaml")
        return try await ServedProcess(
            Self.model, data: folder.file("data"), log: folder.file(log), "--visual_gen_args", config,
            "--workers", "\(workers)")
    }

    /// A kill at any moment loses no accepted job, and leaves no torn file.
    @Test func losesNothingThatItAccepted() async throws {
        let folder = try TemporaryFolder()
        var random = SplitMix(state: UInt64(ProcessInfo.processInfo.processIdentifier))
        var accepted: [String] = []
        let rounds = Effort.isExhaustive ? 100 : 8
        for round in 0..<rounds {
            let server = try await serve(folder, "\(round)")
            for _ in 0..<2 {
                if let id = await server.object("/v1/videos", post: Self.body)["id"] as? String { accepted.append(id) }
            }
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...400, using: &random)))
            _ = server.end(with: SIGKILL)
        }
        #expect(accepted.count == 2 * rounds)
        let start = ContinuousClock.now
        let server = try await serve(folder, "last")
        print("restart after a kill: \(ContinuousClock.now - start)")
        for id in accepted {
            var status = ""
            for _ in 0..<2000 {
                status = await server.object("/v1/videos/\(id)")["status"] as? String ?? ""
                if status == "completed" || status == "failed" { break }
                try await Task.sleep(for: .milliseconds(10))
            }
            guard status == "completed" else {
                // Only one that was being made at three kills is given up.
                let error = await server.object("/v1/videos/\(id)")["error"] as? [String: Any]
                #expect((error?["message"] as? String)?.contains("3 times") ?? false, "\(id) is \(status)")
                continue
            }
            let file = try #require(await server.ask("/v1/videos/\(id)/content"))
            let path = folder.file("\(id).mp4")
            try file.body.write(to: URL(fileURLWithPath: path))
            let reader = try VideoReader(path: path)
            var frames = 0
            while try reader.next() != nil { frames += 1 }
            #expect(frames == 5)
        }
        #expect(server.end(with: SIGTERM) == 0)
    }

    /// A stop ends within 30 s, keeps what waits, and says goodbye in order.
    @Test func stopsInOrder() async throws {
        let folder = try TemporaryFolder()
        let long = #"{"prompt": "a", "size": "32x32", "num_frames": 5, "num_inference_steps": 1000}"#
        var ids: [String] = []
        do {
            let server = try await serve(folder, "first")
            for body in [Self.body, long, long] {
                ids.append(try #require(await server.object("/v1/videos", post: body)["id"] as? String))
            }
            let start = ContinuousClock.now
            #expect(server.end(with: SIGTERM) == 0)
            #expect(ContinuousClock.now - start < .seconds(30))
        }
        let server = try await serve(folder, "second")
        for id in ids {
            let status = await server.object("/v1/videos/\(id)")["status"] as? String ?? ""
            #expect(["queued", "in_progress", "completed"].contains(status), "\(status)")
        }
    }

    /// `/health` tells the truth soon after the worker's process died, and again when another is there.
    @Test func tellsThatItsWorkerIsDead() async throws {
        let folder = try TemporaryFolder()
        let server = try await serve(folder, "log")
        #expect(await server.ask("/health")?.status == 200)
        let workers = try Self.children(of: server)
        #expect(workers.count == 1)
        let killed = ContinuousClock.now
        for worker in workers { kill(worker, SIGKILL) }
        while await server.ask("/health")?.status == 200, ContinuousClock.now - killed < .seconds(5) {}
        #expect(ContinuousClock.now - killed < .seconds(2))
        while await server.ask("/health")?.status != 200, ContinuousClock.now - killed < .seconds(20) {
            try await Task.sleep(for: .milliseconds(20))
        }
        print("a worker was replaced after \(ContinuousClock.now - killed)")
        #expect(await server.ask("/health")?.status == 200)
    }

    /// Two videos at once on two workers, one of which is killed: both are made as if nothing had happened.
    @Test func aVideoWhoseWorkerIsKilledIsMadeByAnother() async throws {
        let folder = try TemporaryFolder()
        let server = try await serve(folder, "log", workers: 2)
        #expect(try Self.children(of: server).count == 2)
        func body(_ seed: Int) -> String {
            #"{"prompt": "a", "size": "32x32", "num_frames": 5, "num_inference_steps": 300, "seed": \#(seed)}"#
        }
        var ids: [String] = []
        for seed in [1, 2] {
            ids.append(try #require(await server.object("/v1/videos", post: body(seed))["id"] as? String))
        }
        for id in ids {
            while await server.object("/v1/videos/\(id)")["progress"] as? Int ?? 0 < 1 {
                try await Task.sleep(for: .milliseconds(5))
            }
        }
        kill(try #require(try Self.children(of: server).first), SIGKILL)
        // The same again, whose workers live.
        for seed in [1, 2] {
            ids.append(try #require(await server.object("/v1/videos", post: body(seed))["id"] as? String))
        }
        var files: [Data] = []
        for id in ids {
            var status = ""
            while status != "completed", status != "failed" {
                status = await server.object("/v1/videos/\(id)")["status"] as? String ?? ""
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(status == "completed")
            files.append(try #require(await server.ask("/v1/videos/\(id)/content")).body)
        }
        #expect(files[0] == files[2] && files[1] == files[3] && files[0] != files[1])
        let metrics = String(decoding: try #require(await server.ask("/metrics")).body, as: UTF8.self)
        #expect(metrics.contains("visualgen_job_retries_total 1"), "\(metrics)")
        let health = await server.object("/health")["workers"] as? [[String: Any]] ?? []
        #expect(health.compactMap { $0["restarts"] as? Int }.sorted() == [0, 1])
        #expect(server.end(with: SIGTERM) == 0)
    }

    private static func children(of server: ServedProcess) throws -> [Int32] {
        let folder = "/proc/\(server.identifier)/task"
        return try FileManager.default.contentsOfDirectory(atPath: folder).flatMap { thread in
            let text = (try? String(contentsOfFile: "\(folder)/\(thread)/children", encoding: .utf8)) ?? ""
            return text.split(separator: " ").compactMap { Int32($0) }
        }
    }
}
