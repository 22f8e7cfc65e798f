import Diffusion
import Foundation
import GRDB
import HTTPTypes
import Server
import TestKit
import Testing

@Suite struct JobStoreTests {
    private let folder: TemporaryFolder
    private let store: JobStore

    init() throws {
        folder = try TemporaryFolder()
        store = try JobStore(path: folder.file("jobs.sqlite"))
    }

    private func job(_ id: String, owner: String = "", key: String? = nil, _ print: String = "f") -> Job {
        Job(
            id: id, kind: .video, owner: owner, priority: .high,
            work: JobWork(request: GenerationRequest(prompts: ["é😀\"'"]), format: "mp4", quality: 3),
            idempotencyKey: key, fingerprint: print)
    }

    @Test func givesBackWhatWasStored() async throws {
        let stored = try await store.accept(job("a", owner: "alice", key: "k"), sameWithin: nil)
        #expect(try await store.job("a", owner: "alice") == stored)
        #expect(try await store.job("a", owner: "bob") == nil)
        let again = try JobStore(path: folder.file("jobs.sqlite"))
        #expect(try await again.job("a", owner: "alice") == stored)
    }

    @Test func aKeyIsOneJobForEachOwner() async throws {
        let first = try await store.accept(job("a", key: "k"), sameWithin: nil)
        #expect(try await store.accept(job("b", key: "k"), sameWithin: nil) == first)
        #expect(try await store.accept(job("c", owner: "bob", key: "k"), sameWithin: nil).id == "c")
        #expect(try await store.ids() == ["a", "c"])
    }

    @Test func theSameAgainIsOneJobIfItIsSoon() async throws {
        _ = try await store.accept(job("a"), sameWithin: 60)
        #expect(try await store.accept(job("b"), sameWithin: 60).id == "a")
        #expect(try await store.accept(job("c"), sameWithin: nil).id == "c")
        #expect(try await store.accept(job("d", "other"), sameWithin: 60).id == "d")
        #expect(try await store.accept(job("e"), sameWithin: 0).id == "e")
    }

    @Test func aJobGoesFromQueuedToItsEnd() async throws {
        _ = try await store.accept(job("a"), sameWithin: nil)
        try await store.begin("a")
        #expect(try await store.job("a", owner: "")?.status == .inProgress)
        #expect(try await store.unfinished().map(\.id) == ["a"])
        var timings = JobTimings()
        timings.denoise = 2.5
        #expect(try await store.complete("a", bytes: 7, timings: timings, keepSeconds: 10))
        // A late beginning does not undo the end.
        try await store.begin("a")
        let done = try #require(try await store.job("a", owner: ""))
        #expect(done.status == .completed && done.bytes == 7 && done.timings == timings && done.attempts == 1)
        #expect(try await store.unfinished().isEmpty)
        #expect(try await !store.complete("gone", bytes: 0, timings: timings, keepSeconds: 1))
        let other = try JobStore(path: folder.file("other.sqlite"))
        _ = try await other.accept(job("a"), sameWithin: nil)
        let text = try JSONEncoder().encode(timings).count
        #expect(try await store.census().bytes == other.census().bytes + 7 + text)
    }

    @Test func whatIsOldOrTooLargeIsSuperfluous() async throws {
        for (index, id) in ["a", "b", "c", "d"].enumerated() {
            _ = try await store.accept(job(id), sameWithin: nil)
            if id == "d" { break }
            let keep = index == 0 ? 1000.0 : 10_000
            #expect(try await store.complete(id, bytes: 100_000, timings: JobTimings(), keepSeconds: keep))
        }
        let now = Date().timeIntervalSince1970
        let all = try await store.census().bytes
        #expect((300_000..<310_000).contains(all))
        #expect(try await store.superfluous(at: now, storageBytes: all).isEmpty)
        #expect(try await store.superfluous(at: now, storageBytes: all - 1) == ["a"])
        #expect(try await store.superfluous(at: now + 5000, storageBytes: all) == ["a"])
        #expect(try await store.superfluous(at: now + 5000, storageBytes: all - 150_000) == ["a", "b"])
        #expect(try await store.superfluous(at: now, storageBytes: 0) == ["a", "b", "c"])
    }

    /// What came to nothing has no files, but a row, whose prompt may be long; it goes before all that was made.
    @Test func whatFailedCountsAndGoesFirst() async throws {
        let prompt = String(repeating: "é", count: 32_000)
        for id in ["made", "failed", "failed too", "made too"] {
            let work = JobWork(request: GenerationRequest(prompts: [prompt]), format: "mp4")
            _ = try await store.accept(
                Job(id: id, kind: .video, owner: "", priority: .high, work: work), sameWithin: nil)
            if id.hasPrefix("made") {
                #expect(try await store.complete(id, bytes: 1000, timings: JobTimings(), keepSeconds: 100))
            } else {
                try await store.fail(id, .invalid("no"), keepSeconds: 100)
            }
        }
        let now = Date().timeIntervalSince1970
        let all = try await store.census().bytes
        #expect((4 * 64_000..<4 * 66_000).contains(all), "\(all)")
        #expect(try await store.superfluous(at: now, storageBytes: all - 1) == ["failed"])
        #expect(try await store.superfluous(at: now, storageBytes: all - 100_000) == ["failed", "failed too"])
        #expect(try await store.superfluous(at: now, storageBytes: all - 150_000) == ["failed", "failed too", "made"])
    }

    /// Lists have all that they show without the long texts.
    @Test func listsHoldTheBeginningOfAPrompt() async throws {
        var request = GenerationRequest(prompts: [String(repeating: "👩‍👩‍👧 ", count: 8000)])
        (request.width, request.height, request.numFrames, request.frameRate) = (64, 48, 9, 12.5)
        request.seeds = [.max]
        _ = try await store.accept(
            Job(id: "a", kind: .video, owner: "", priority: .high, work: JobWork(request: request, format: "gif")),
            sameWithin: nil)
        var cached = JobTimings()
        cached.cache = CacheReport([])
        #expect(try await store.complete("a", bytes: 1, timings: cached, keepSeconds: 100))
        let listed = try #require(try await store.jobs(JobStore.Page())?.jobs.first)
        #expect(listed.prompt?.unicodeScalars.count == 501 && listed.prompt?.hasSuffix("…") ?? false)
        #expect((listed.width, listed.height, listed.frames, listed.frameRate) == (64, 48, 9, 12.5))
        #expect((listed.id, listed.seed, listed.format, listed.count) == ("a", .max, "gif", 1))
        #expect(listed.status == .completed && listed.completedAt != nil)
        #expect(try await store.job("a", owner: "")?.work.request == request)
    }

    /// A store of the version before lists had columns of their own.
    @Test func anOlderStoreBecomesANewOne() async throws {
        let path = folder.file("old.sqlite")
        do {
            let queue = try DatabaseQueue(path: path)
            var older = DatabaseMigrator()
            older.registerMigration("jobs") { try $0.execute(sql: Self.olderSchema) }
            try older.migrate(queue)
            for id in ["a", "b"] {
                try await queue.write { [job = job(id, key: id)] in try job.insert($0) }
            }
        }
        let store = try JobStore(path: path, mayBeNew: false)
        for id in ["a", "b"] {
            var expected = try #require(try await store.job(id, owner: ""))
            #expect(expected.work == job(id).work && expected.idempotencyKey == id)
            expected.id = "c"
            #expect(try await store.accept(expected, sameWithin: nil).id == id)
        }
        #expect(try await store.jobs(JobStore.Page())?.jobs.map(\.id) == ["b", "a"])
        #expect(try await store.jobs(JobStore.Page())?.jobs.first?.prompt == "é😀\"'")
        #expect(try await store.census().bytes > 1000)
    }

    private static let olderSchema = """
        CREATE TABLE jobs (
            number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, owner TEXT NOT NULL,
            status TEXT NOT NULL, priority INTEGER NOT NULL, createdAt DOUBLE, startedAt DOUBLE, completedAt DOUBLE,
            expiresAt DOUBLE, attempts INTEGER NOT NULL, work TEXT NOT NULL, timings TEXT, bytes INTEGER NOT NULL,
            errorCode TEXT, errorMessage TEXT, idempotencyKey TEXT, fingerprint TEXT NOT NULL, remixedFrom TEXT,
            UNIQUE (owner, idempotencyKey));
        CREATE INDEX jobs_status ON jobs (status);
        CREATE INDEX jobs_owner ON jobs (owner, kind, number);
        CREATE INDEX jobs_fingerprint ON jobs (fingerprint, createdAt);
        """

    @Test func aFileThatIsNoStoreIsNamed() throws {
        try folder.write(String(repeating: "no database ", count: 100), to: "bad.sqlite")
        #expect(throws: ServerError.self) { try JobStore(path: folder.file("bad.sqlite")) }
    }
}
