internal import Foundation
internal import Hub
internal import TestKit
internal import Testing

@Suite struct RefusalTests {
    private static func status(
        _ status: Int, _ headers: [String: String] = [:]
    ) -> LoopbackHub.Fault {
        { _, _ in Reply(status: status, headers: headers) }
    }

    @Test func saysInOneSentenceWhyTheHubRefuses() async throws {
        let gated = ["X-Error-Code": "GatedRepo"]
        let noRevision = ["X-Error-Code": "RevisionNotFound"]
        let model = try HubModel.tiny()
        let cases: [(String, Int, [String: String], HubError)] = [
            ("listing", 401, [:], .unauthorized(model, withToken: false)),
            ("listing", 403, gated, .gated(model)),
            ("listing", 404, ["X-Error-Code": "RepoNotFound"], .notFound(model)),
            ("listing", 404, noRevision, .revisionNotFound(model)),
            (Repository.vae, 401, gated, .gated(model)),
            (Repository.vae, 403, [:], .gated(model)),
            (Repository.vae, 404, [:], .fileNotFound(model, file: Repository.vae)),
            (Repository.vae, 400, [:], .status(400, host: "127.0.0.1")),
        ]
        for (file, status, headers, error) in cases {
            let hub = try await LoopbackHub()
            hub.spoil(file, Self.status(status, headers))
            await #expect(throws: error) { try await hub.client().folder(of: .tiny()) }
            #expect(hub.requests(for: file).count == 1)
            #expect(error.description.contains("org/tiny") || status == 400)
        }
    }

    @Test func doesNotShowTheTokenThatIsRefused() async throws {
        let hub = try await LoopbackHub()
        hub.spoil("listing", Self.status(401))
        let error = await #expect(throws: HubError.unauthorized(try .tiny(), withToken: true)) {
            try await hub.client(["HF_TOKEN": "hf_secret"]).folder(of: .tiny())
        }
        #expect(hub.requests(for: "listing").first?["Authorization"] == "Bearer hf_secret")
        #expect(error.map { "\($0) \(String(reflecting: $0))" }?.contains("secret") == false)
    }

    @Test func asksAgainAfterAFaultOfTheServer() async throws {
        let hub = try await LoopbackHub()
        hub.spoil("listing", Self.status(500), Self.status(503), nil)
        hub.spoil(Repository.vae, Self.status(502), Self.status(504), Self.status(408), nil)
        _ = try await hub.client().folder(of: .tiny())
        #expect(hub.requests(for: "listing").count == 3)
        #expect(hub.requests(for: Repository.vae).count == 4)
    }

    @Test func givesUpAfterFiveFaults() async throws {
        let hub = try await LoopbackHub()
        hub.spoil(Repository.vae, Self.status(500))
        await #expect(throws: HubError.status(500, host: "127.0.0.1")) {
            try await hub.client().folder(of: .tiny())
        }
        #expect(hub.requests(for: Repository.vae).count == 5)
    }

    @Test func waitsNoLongerThanItsLimit() async throws {
        let hub = try await LoopbackHub()
        hub.spoil("listing", Self.status(429, ["Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"]), nil)
        var settings = try hub.settings()
        settings.patience.longestRetryAfter = .milliseconds(20)
        _ = try await Hub(settings).folder(of: .tiny())
        #expect(hub.requests(for: "listing").count == 2)
    }

    @Test func saysThatADiskIsTooSmallBeforeItFillsIt() async throws {
        let hub = try await LoopbackHub()
        let listing = Repository.listing(Repository.tiny, commit: LoopbackHub.commit)
        hub.list(listing.replacing(#""size": 300000"#, with: #""size": \#(1 << 46)"#))
        let error = await #expect(throws: HubError.self) { try await hub.client().folder(of: .tiny()) }
        #expect(error?.description.contains("the download needs 7036") == true)
        #expect(hub.requests(for: Repository.vae).isEmpty)
    }

    @Test func namesTheFolderThatCannotBeWritten() async throws {
        let hub = try await LoopbackHub()
        try hub.cache.write("", to: "hub")
        let error = await #expect(throws: HubError.self) { try await hub.client().folder(of: .tiny()) }
        #expect(error?.description.contains(hub.cache.file("hub")) == true)
        #expect(error?.description.contains("cannot be written") == true)
    }
}
