internal import Foundation
internal import Hub
internal import TestKit
internal import Testing

/// Servers that keep a client waiting: a busy machine would look the same, so these run alone.
@Suite struct StallSerialTests {
    @Test func resumesBehindARedirect() async throws {
        let hub = try await LoopbackHub()
        let body = hub.bytes(of: Repository.shard)
        let other = try await LoopbackServer { request in
            var reply = LoopbackHub.rangeReply(to: request, body)
            if request["Range"] == nil { reply.stall = 123_456 }
            return reply
        }
        hub.spoil(Repository.shard) { _, _ in Reply(status: 302, headers: ["Location": "\(other.address)/x"]) }
        var settings = try hub.settings()
        settings.patience.pause = .seconds(2)
        _ = try await Hub(settings).folder(of: .tiny())
        #expect(other.requests.map { $0["Range"] } == [nil, "bytes=123456-"])
        #expect(try hub.cached(Repository.shard) == body)
    }

    @Test func goesOnFromWhatAnEarlierCallLeft() async throws {
        let hub = try await LoopbackHub()
        hub.spoil(Repository.shard) { _, reply in
            var reply = reply
            reply.stall = 100_000
            return reply
        }
        var settings = try hub.settings()
        settings.patience.attempts = 1
        settings.patience.pause = .seconds(2)
        await #expect(throws: HubError.self) { try await Hub(settings).folder(of: .tiny()) }
        #expect(hub.partialBlobs == [Repository.sha256(hub.bytes(of: Repository.shard)) + ".incomplete"])
        #expect(!hub.cachedNames.contains(Repository.shard))
        #expect(!FileManager.default.fileExists(atPath: "\(hub.folder)/refs/main"))
        let before = hub.requests(for: Repository.shard).count
        hub.spoil(Repository.shard, nil)
        _ = try await hub.client().folder(of: .tiny())
        #expect(hub.requests(for: Repository.shard)[before]["Range"] == "bytes=100000-")
        #expect(try hub.cached(Repository.shard) == hub.bytes(of: Repository.shard))
    }

    @Test func breaksOffAnAnswerThatStops() async throws {
        let hub = try await LoopbackHub()
        hub.spoil(
            Repository.vae,
            { _, reply in
                var reply = reply
                reply.stall = 20_000
                return reply
            }, nil)
        var settings = try hub.settings()
        settings.patience.pause = .seconds(2)
        _ = try await Hub(settings).folder(of: .tiny())
        #expect(hub.requests(for: Repository.vae).map { $0["Range"] } == [nil, "bytes=20000-"])
    }

    @Test func waitsAsLongAsTheHubAsks() async throws {
        let hub = try await LoopbackHub()
        hub.spoil(Repository.vae, { _, _ in Reply(status: 429, headers: ["Retry-After": "1"]) }, nil)
        let clock = ContinuousClock()
        let time = try await clock.measure { _ = try await hub.client().folder(of: .tiny()) }
        #expect(time >= .seconds(1))
        #expect(time < .seconds(20))
    }

    @Test(.timeLimit(.minutes(1))) func stopsWhenCancelledAndGoesOnLater() async throws {
        let hub = try await LoopbackHub()
        hub.spoil(
            Repository.shard,
            { _, reply in
                var reply = reply
                reply.stall = 120_000
                return reply
            }, nil)
        let (arrived, arrival) = AsyncStream.makeStream(of: Void.self)
        var settings = try hub.settings()
        settings.patience.pause = .seconds(300)
        let patient = Hub(settings)
        let task = Task {
            try await patient.folder(
                of: .tiny(),
                observe: { progress in
                    if progress.file == Repository.shard, progress.fileBytes == 120_000 { arrival.yield() }
                })
        }
        for await _ in arrived { break }
        let clock = ContinuousClock()
        let time = await clock.measure {
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        #expect(time < .seconds(5))
        #expect(hub.partialBlobs.contains(Repository.sha256(hub.bytes(of: Repository.shard)) + ".incomplete"))
        _ = try await hub.client().folder(of: .tiny())
        #expect(hub.requests(for: Repository.shard).map { $0["Range"] } == [nil, "bytes=120000-"])
        #expect(try hub.cached(Repository.shard) == hub.bytes(of: Repository.shard))
    }
}
