internal import Foundation
internal import Hub
internal import TestKit
internal import Testing

@Suite struct CacheTests {
    private let offline = ["HF_HUB_OFFLINE": "1"]

    @Test func usesAWholeSnapshotOffline() async throws {
        let hub = try await LoopbackHub()
        _ = try await hub.client().folder(of: .tiny())
        let before = hub.server.requests.count
        #expect(try await hub.client(offline).folder(of: .tiny()) == hub.snapshot)
        #expect(try await hub.client(offline).folder(of: .tiny(LoopbackHub.commit)) == hub.snapshot)
        #expect(hub.server.requests.count == before)
    }

    @Test(arguments: [
        "model_index.json", Repository.shard, Repository.vae, "vae/config.json", "scheduler/scheduler_config.json",
        "tokenizer/tokenizer_config.json",
    ])
    func namesTheFileThatIsMissingOffline(_ file: String) async throws {
        let hub = try await LoopbackHub()
        _ = try await hub.client().folder(of: .tiny())
        try FileManager.default.removeItem(atPath: "\(hub.snapshot)/\(file)")
        let error = await #expect(throws: HubError.self) { try await hub.client(offline).folder(of: .tiny()) }
        let name = file == Repository.vae ? "vae/model.safetensors" : file
        #expect(error == .offline(try .tiny(), missing: name))
        #expect(error?.description.hasPrefix("HF_HUB_OFFLINE is set and the cache lacks \(name)") == true)
    }

    @Test func findsALinkWithoutItsBlobMissing() async throws {
        let hub = try await LoopbackHub()
        _ = try await hub.client().folder(of: .tiny())
        let blob = Repository.sha256(hub.bytes(of: Repository.shard))
        try FileManager.default.removeItem(atPath: "\(hub.folder)/blobs/\(blob)")
        await #expect(throws: HubError.offline(try .tiny(), missing: Repository.shard)) {
            try await hub.client(offline).folder(of: .tiny())
        }
        _ = try await hub.client().folder(of: .tiny(LoopbackHub.commit))
        #expect(try hub.cached(Repository.shard) == hub.bytes(of: Repository.shard))
    }

    /// Python writes a commit without an end; other programs and people do otherwise.
    @Test(arguments: ["", "\n", "\r\n", " \n"], ["", "\u{FEFF}"])
    func readsAReferenceOfAnySystem(_ end: String, _ mark: String) async throws {
        let hub = try await LoopbackHub()
        _ = try await hub.client().folder(of: .tiny())
        let text = mark + LoopbackHub.commit + end
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(hub.folder)/refs/main"))
        #expect(try await hub.client(offline).folder(of: .tiny()) == hub.snapshot)
    }

    @Test func readsAnIndexBehindAByteOrderMark() async throws {
        var files = Repository.tiny
        for (name, bytes) in files where name.hasSuffix("index.json") {
            let text = "\u{FEFF}" + String(decoding: bytes, as: UTF8.self).replacing("\n", with: "\r\n")
            files[name] = Array(text.utf8)
        }
        let hub = try await LoopbackHub(files)
        #expect(try await hub.client().folder(of: .tiny()) == hub.snapshot)
        #expect(try await hub.client(offline).folder(of: .tiny()) == hub.snapshot)
    }

    @Test func saysThatTheCacheIsEmptyOffline() async throws {
        let hub = try await LoopbackHub()
        await #expect(throws: HubError.offline(try .tiny(), missing: nil)) {
            try await hub.client(offline).folder(of: .tiny())
        }
        #expect(hub.server.requests.isEmpty)
        #expect(!FileManager.default.fileExists(atPath: hub.folder))
    }

    @Test func asksNobodyForACommitThatIsWhole() async throws {
        let hub = try await LoopbackHub()
        let model = try HubModel.tiny(LoopbackHub.commit)
        _ = try await hub.client().folder(of: model)
        let before = hub.server.requests.count
        #expect(try await hub.client().folder(of: model) == hub.snapshot)
        #expect(hub.server.requests.count == before)
        #expect(!FileManager.default.fileExists(atPath: "\(hub.folder)/refs/\(LoopbackHub.commit)"))
    }

    @Test(arguments: [500, 429, 401, 403, 404]) func usesAWholeSnapshotOfAHubThatRefuses(_ status: Int) async throws {
        let hub = try await LoopbackHub()
        _ = try await hub.client().folder(of: .tiny())
        hub.spoil("listing") { _, _ in Reply(status: status, headers: ["Retry-After": "100"]) }
        #expect(try await hub.client().folder(of: .tiny()) == hub.snapshot)
        #expect(hub.requests(for: "listing").count == 2)
    }

    @Test func doesNotUseASnapshotOfARevisionThatIsGone() async throws {
        let hub = try await LoopbackHub()
        _ = try await hub.client().folder(of: .tiny())
        hub.spoil("listing") { _, _ in Reply(status: 404, headers: ["X-Error-Code": "RevisionNotFound"]) }
        await #expect(throws: HubError.revisionNotFound(try .tiny())) { try await hub.client().folder(of: .tiny()) }
    }

    @Test func usesAWholeSnapshotOfAHubThatIsNotThere() async throws {
        let hub = try await LoopbackHub()
        _ = try await hub.client().folder(of: .tiny())
        let away = ["HF_ENDPOINT": "http://127.0.0.1:1"]
        #expect(try await hub.client(away).folder(of: .tiny()) == hub.snapshot)
        try FileManager.default.removeItem(atPath: "\(hub.snapshot)/\(Repository.vae)")
        let error = await #expect(throws: HubError.self) { try await hub.client(away).folder(of: .tiny()) }
        #expect(error?.description.hasPrefix("the connection to 127.0.0.1 failed: ") == true)
    }

    @Test func usesAWholeSnapshotThatCannotBeWritten() async throws {
        let hub = try await LoopbackHub()
        _ = try await hub.client().folder(of: .tiny())
        let files = FileManager.default
        try files.removeItem(atPath: hub.cache.file("hub/.locks"))
        #expect(try await hub.client().folder(of: .tiny()) == hub.snapshot)
        #expect(!files.fileExists(atPath: hub.cache.file("hub/.locks")))
    }

    @Test func takesNoCommitFromAReferenceThatIsNone() async throws {
        let hub = try await LoopbackHub()
        _ = try await hub.client().folder(of: .tiny())
        try Data("../../../elsewhere".utf8).write(to: URL(fileURLWithPath: "\(hub.folder)/refs/main"))
        await #expect(throws: HubError.offline(try .tiny(), missing: nil)) {
            try await hub.client(offline).folder(of: .tiny())
        }
    }

    @Test func downloadsEachFileOnceForTwoClientsOfOneCache() async throws {
        let hub = try await LoopbackHub()
        for file in Repository.needed {
            hub.spoil(file) { _, reply in
                var reply = reply
                reply.delay = 20
                return reply
            }
        }
        let (one, other) = (try hub.client(), try hub.client())
        async let first = one.folder(of: .tiny())
        async let second = other.folder(of: .tiny())
        #expect(try await [first, second] == [hub.snapshot, hub.snapshot])
        for name in Repository.needed {
            #expect(hub.requests(for: name).count == (hub.bytes(of: name).isEmpty ? 0 : 1))
            #expect(try hub.cached(name) == hub.bytes(of: name))
        }
    }

    @Test func waitsForAnotherProcessThatHoldsTheLock() async throws {
        let hub = try await LoopbackHub()
        let hash = Repository.sha256(hub.bytes(of: Repository.vae))
        let locks = hub.cache.file("hub/.locks/models--org--tiny")
        try FileManager.default.createDirectory(atPath: locks, withIntermediateDirectories: true)
        let lock = open("\(locks)/\(hash).lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        #expect(flock(lock, LOCK_EX) == 0)
        let client = try hub.client()
        let task = Task { try await client.folder(of: .tiny()) }
        try await Task.sleep(for: .milliseconds(300))
        #expect(hub.requests(for: Repository.vae).isEmpty)
        close(lock)
        #expect(try await task.value == hub.snapshot)
    }

    @Test func stopsWhenCancelledBetweenTwoAttempts() async throws {
        let hub = try await LoopbackHub()
        hub.spoil("listing") { _, _ in Reply(status: 429, headers: ["Retry-After": "200"]) }
        let client = try hub.client()
        let task = Task { try await client.folder(of: .tiny()) }
        while hub.server.requests.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}
