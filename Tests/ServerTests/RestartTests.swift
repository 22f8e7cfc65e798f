import Diffusion
import Foundation
import HTTPTypes
import Media
import Server
import TestKit
import Testing

@Suite struct RestartTests {
    private func work(_ prompt: String, makesVideos: Bool = true) throws -> JobWork {
        var request = GenerationRequest(prompts: [prompt])
        request.seeds = [1]
        return JobWork(
            request: try FakeWorker.resolve(request, makesVideos), format: makesVideos ? "mp4" : "png")
    }

    private func server(in folder: TemporaryFolder, makesVideos: Bool = true) async throws -> TestServer {
        try await TestServer(in: folder, { $0.makesVideos = makesVideos })
    }

    @Test func whatWasAcceptedIsDoneAfterTheRestart() async throws {
        let folder = try TemporaryFolder()
        var ids: [String] = []
        do {
            // A worker so slow that nothing is finished; the process then ends without any farewell.
            let server = try await TestServer(
                in: folder,
                {
                    $0.makesVideos = true
                    $0.step = .seconds(60)
                })
            for number in 0..<4 {
                let new = NewJob(.video, owner: "", priority: .normal, work: try work("\(number)"))
                ids.append(try await server.core.jobs.accept(new, seedIsDrawn: false).job.id)
            }
            #expect(try await server.wait { server.worker.isBusy })
            try await copyStore(of: server, to: folder.file("crashed"))
        }
        let later = try await TestServer(in: folder, { $0.makesVideos = true }) {
            $0.folder = folder.file("crashed")
        }
        for id in ids {
            #expect(
                try await later.wait { try await later.core.jobs.store.job(id, owner: "")?.status == .completed })
            let job = try #require(try await later.core.jobs.store.job(id, owner: ""))
            #expect(try VideoReader(path: later.core.jobs.folder.output(0, of: job)).next() != nil)
        }
        #expect(later.worker.requests.map { $0.prompts[0] } == ["0", "1", "2", "3"])
    }

    @Test func whatNobodyWaitsForAnyMoreFailsHonestly() async throws {
        let folder = try TemporaryFolder()
        let (first, second): (String, String)
        do {
            let server = try await TestServer(in: folder, { $0.step = .seconds(60) })
            var new = NewJob(.image, owner: "", priority: .normal, work: try work("a", makesVideos: false))
            first = try await server.core.jobs.accept(new, seedIsDrawn: false).job.id
            new.idempotencyKey = "key"
            second = try await server.core.jobs.accept(new, seedIsDrawn: false).job.id
            try await copyStore(of: server, to: folder.file("crashed"))
        }
        let later = try await TestServer(in: folder, settings: { $0.folder = folder.file("crashed") })
        let lost = try #require(try await later.core.jobs.store.job(first, owner: ""))
        #expect(lost.status == .failed)
        #expect(lost.errorMessage?.contains("stopped") ?? false)
        #expect(
            try await later.wait { try await later.core.jobs.store.job(second, owner: "")?.status == .completed })
    }

    @Test func aJobThatKillsTheServerIsGivenUp() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("jobs")
        let id = "video_poison"
        do {
            let jobs = try JobFolder(path: path)
            let store = try JobStore(path: jobs.storePath)
            _ = try await store.accept(
                Job(id: id, kind: .video, owner: "", priority: .normal, work: work("poison")), sameWithin: nil)
            for _ in 0..<3 {
                try await store.begin(id)
                try await store.requeue(id)
            }
        }
        let later = try await server(in: folder)
        let job = try #require(try await later.core.jobs.store.job(id, owner: ""))
        #expect(job.status == .failed)
        #expect(job.errorMessage?.contains("3 times") ?? false)
        #expect(later.worker.requests.isEmpty)
    }

    /// A folder was made for a job, or its job was removed, and then the process died.
    @Test func whatIsGoneIsSweptAway() async throws {
        let folder = try TemporaryFolder()
        let ids = ["a", "b"].map { "video_" + String(repeating: $0, count: 32) }
        do {
            let storage = try ServerStorage(path: folder.file("jobs"))
            for id in ids { try storage.folder.create(id, inputs: [[1]]) }
            try await storage.store.announce(ids[0])
            _ = try await storage.store.accept(
                Job(id: ids[1], kind: .video, owner: "", priority: .normal, work: work("a")), sameWithin: nil)
            #expect(try await storage.store.delete([ids[1], "none"]) == [ids[1]])
        }
        let server = try await server(in: folder)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("jobs/media")).isEmpty)
        #expect(try await server.core.jobs.store.disposable().isEmpty)
        #expect(throws: ServerError.folderInUse(folder.file("jobs"))) { try JobFolder(path: folder.file("jobs")) }
    }

    @Test func saysWhereItCannotListen() async throws {
        try await TestServer().run { client in
            let port = client.port
            // The last is no name at all: a part of it is longer than any may be.
            for host in ["localhost", "203.0.113.1", String(repeating: "a", count: 64)] {
                let server = try await TestServer(settings: { ($0.host, $0.port) = (host, port) })
                let errors = [
                    await #expect(throws: ServerError.self) { try await server.listen() },
                    #expect(throws: ServerError.self) { try ListeningCheck(host: host, port: port).run() },
                ]
                for error in errors {
                    guard case .cannotListen(host, port, _) = try #require(error, "\(host)") else {
                        Issue.record("\(host): another error")
                        continue
                    }
                }
            }
        }
    }

    @Test func aFreePortIsFree() throws {
        for host in ["localhost", "127.0.0.1", "0.0.0.0"] { try ListeningCheck(host: host, port: 0).run() }
    }

    @Test func afterAStopWhatWaitedGoesOn() async throws {
        let folder = try TemporaryFolder()
        let server = try await TestServer(
            in: folder,
            {
                $0.makesVideos = true
                $0.isHeld = true
            })
        var ids: [String] = []
        for number in 0..<3 {
            let new = NewJob(.video, owner: "", priority: .normal, work: try work("\(number)"))
            ids.append(try await server.core.jobs.accept(new, seedIsDrawn: false).job.id)
        }
        #expect(try await server.wait { server.worker.isBusy })
        await server.core.jobs.close()
        let refused = NewJob(.video, owner: "", priority: .normal, work: try work("late"))
        await #expect(throws: APIError.self) { try await server.core.jobs.accept(refused, seedIsDrawn: false) }
        // What runs comes to its end; what waits stays in the store as it is.
        server.worker.change { $0.isHeld = false }
        let running = ids[0]
        #expect(
            try await server.wait { try await server.core.jobs.store.job(running, owner: "")?.status == .completed })
        for id in ids.dropFirst() {
            #expect(try await server.core.jobs.store.job(id, owner: "")?.status == .queued)
        }
    }

    /// The files as a crash would leave them: the system's view of what was written so far.
    private func copyStore(of server: TestServer, to path: String) async throws {
        try FileManager.default.copyItem(atPath: server.core.jobs.folder.path, toPath: path)
    }
}
