import Diffusion
import Foundation
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
        #expect(try await store.census().bytes == 7)
    }

    @Test func whatIsOldOrTooLargeIsSuperfluous() async throws {
        for (index, id) in ["a", "b", "c", "d"].enumerated() {
            _ = try await store.accept(job(id), sameWithin: nil)
            if id == "d" { break }
            let keep = index == 0 ? 1000.0 : 10_000
            #expect(try await store.complete(id, bytes: 100, timings: JobTimings(), keepSeconds: keep))
        }
        let now = Date().timeIntervalSince1970
        #expect(try await store.superfluous(at: now, storageBytes: 300).isEmpty)
        #expect(try await store.superfluous(at: now + 5000, storageBytes: 300) == ["a"])
        #expect(try await store.superfluous(at: now + 5000, storageBytes: 150) == ["a", "b"])
        #expect(try await store.superfluous(at: now, storageBytes: 0) == ["a", "b", "c"])
    }

    @Test func aFileThatIsNoStoreIsNamed() throws {
        try folder.write(String(repeating: "no database ", count: 100), to: "bad.sqlite")
        #expect(throws: ServerError.self) { try JobStore(path: folder.file("bad.sqlite")) }
    }
}
