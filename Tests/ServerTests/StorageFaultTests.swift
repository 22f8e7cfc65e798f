import Diffusion
import Foundation
import Glibc
import HTTPTypes
import Media
import Server
import Synchronization
import TestKit
import Testing

/// Disks that are full, folders that are gone, and clocks that jump.
@Suite struct StorageFaultTests {
    private static let path = "/v1/images/generations"

    /// A limit on the size of files stands in for a full disk; it holds for the whole process, hence one of its own.
    @Test func refusesWhatItCannotStoreAndRecovers() async {
        await #expect(processExitsWith: .success) {
            signal(SIGXFSZ, SIG_IGN)
            let server = try await TestServer({ $0.takesImages = true })
            var random = SplitMix(state: 1)
            let noise = (0..<3 * 256 * 256).map { _ in UInt8.random(in: 0...255, using: &random) }
            let large = try Image(width: 256, height: 256, pixels: noise).encoded(.png())
            try #require(large.count > 100_000)
            try await server.run { client in
                let form = [("prompt", Array("a".utf8)), ("@image", large)]
                for round in 0..<20 {
                    // The smaller limit stops the database too, the larger one only the image.
                    let limit = round % 2 == 0 ? 4096 : 90_000
                    Self.limitFiles(to: limit)
                    let refused = try await client.post("/v1/images/edits", form: form)
                    let health = try await client.get("/health").status
                    Self.limitFiles(to: nil)
                    #expect(refused.status == 507 && refused.code == "storage_full", "\(refused.text)")
                    #expect(refused[header: "x-should-retry"] == "false")
                    #expect(health == 200)
                    let accepted = try await client.post("/v1/images/edits", form: form)
                    #expect(accepted.status == 200, "\(accepted.text)")
                }
                let media = "\(server.core.jobs.folder.path)/media"
                #expect(try FileManager.default.contentsOfDirectory(atPath: media).count == 20)
            }
        }
    }

    /// - Parameter bytes: of each file; nil for no limit
    private static func limitFiles(to bytes: Int?) {
        var limit = rlimit(rlim_cur: bytes.map(rlim_t.init) ?? rlim_t.max, rlim_max: rlim_t.max)
        setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
    }

    /// A job whose files cannot be written fails with the cause, and only that.
    @Test func aResultThatCannotBeStoredFailsItsJob() async throws {
        let server = try await TestServer({ $0.isHeld = true })
        try await server.run { client in
            let lost = Task { try await client.post(Self.path, #"{"prompt": "a lake"}"#) }
            #expect(try await server.wait { server.worker.isBusy })
            let media = "\(server.core.jobs.folder.path)/media"
            for job in try FileManager.default.contentsOfDirectory(atPath: media) {
                try FileManager.default.removeItem(atPath: "\(media)/\(job)")
            }
            server.worker.change { $0.isHeld = false }
            let answer = try await lost.value
            #expect(answer.status == 507 && answer.code == "storage_full", "\(answer.text)")
            #expect(try await client.post(Self.path, #"{"prompt": "a house"}"#).status == 200)
            let jobs = try await client.get("/v1/jobs").json["data"] as? [[String: Any]] ?? []
            #expect(jobs.map { $0["status"] as? String } == ["completed", "failed"])
        }
    }

    /// Whatever the clock does, every job ends, is kept for its time by the clock of its end, and goes.
    @Test func jumpsOfTheClockLoseNothing() async throws {
        let time = Mutex(1_800_000_000.0)
        let day = 86_400.0
        let server = try await TestServer(
            clock: { time.withLock { $0 } }, { $0.isHeld = true }, settings: { $0.limits.keepSeconds = day })
        try await server.run { client in
            for jump in [0, day, -day, -day, 1, 2 * day, -2 * day] {
                server.worker.change { $0.isHeld = true }
                let asked = Task { try await client.post(Self.path, #"{"prompt": "a lake"}"#) }
                #expect(try await server.wait { server.worker.isBusy })
                // While the job runs.
                time.withLock { $0 += jump }
                await server.core.jobs.tidy()
                server.worker.change { $0.isHeld = false }
                let answer = try await asked.value
                #expect(answer.status == 200, "\(answer.text)")
                let job = try #require(
                    try await server.core.jobs.store.job(answer.json["id"] as? String ?? "", owner: ""))
                #expect(job.expiresAt == time.withLock { $0 } + day)
            }
        }
        let jobs = try await server.core.jobs.store.jobs(JobStore.Page())?.jobs ?? []
        let ends = Dictionary(uniqueKeysWithValues: jobs.map { ($0.id, $0.expiresAt ?? 0) })
        let latest = try #require(ends.values.max())
        for moment in ends.values.sorted() {
            time.withLock { $0 = moment }
            let kept = Set(ends.filter { $0.value >= moment }.keys)
            #expect(try await isLeft(kept, by: server))
        }
        time.withLock { $0 = latest + 1 }
        #expect(try await isLeft([], by: server))
    }

    /// Whether these jobs and no others are left when the house was kept.
    private func isLeft(_ ids: Set<String>, by server: TestServer) async throws -> Bool {
        try await server.wait {
            await server.core.jobs.tidy()
            return try await server.core.jobs.store.ids() == ids
        }
    }

    /// A request is not taken for one of yesterday because the clock went back.
    @Test func aRepeatedRequestIsNotOneOfAnotherDay() async throws {
        let time = Mutex(1_800_000_000.0)
        let server = try await TestServer(clock: { time.withLock { $0 } }, { $0.makesVideos = true })
        try await server.run { client in
            func repeated() async throws -> String? {
                try await client.post("/v1/videos", #"{"prompt": "a"}"#, headers: ["x-stainless-retry-count": "1"])
                    .json["id"] as? String
            }
            let first = try await repeated()
            #expect(try await repeated() == first)
            time.withLock { $0 -= 86_400 }
            let second = try await repeated()
            #expect(second != first)
            time.withLock { $0 += 86_400 + 300 }
            #expect(try await repeated() == first)
        }
    }
}
