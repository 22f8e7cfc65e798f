internal import Foundation
internal import Hub
internal import TestKit
internal import Testing

/// What the Python client's variables do to requests and to the cache.
@Suite struct VariableTests {
    @Test(arguments: ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
    func sendsNoRequestOffline(_ variable: String) async throws {
        let hub = try await LoopbackHub()
        let offline = [variable: "YES"]
        for model in [try HubModel.tiny(), try .tiny(LoopbackHub.commit), try .tiny("other")] {
            let error = await #expect(throws: HubError.self) { try await hub.client(offline).folder(of: model) }
            #expect(error == .offline(model, missing: nil, variable: variable))
            #expect(error?.description.hasPrefix("\(variable) is set and the cache has no snapshot of") == true)
        }
        #expect(hub.server.requests.isEmpty)
        #expect(!FileManager.default.fileExists(atPath: hub.cache.file("hub")))
        _ = try await hub.client().folder(of: .tiny())
        let before = hub.server.requests.count
        #expect(try await hub.client(offline).folder(of: .tiny()) == hub.snapshot)
        try FileManager.default.removeItem(atPath: "\(hub.snapshot)/vae/config.json")
        await #expect(throws: HubError.offline(try .tiny(), missing: "vae/config.json", variable: variable)) {
            try await hub.client(offline).folder(of: .tiny())
        }
        #expect(hub.server.requests.count == before)
    }

    @Test func sendsTheTokenOfTheFirstPlaceThatHasOne() async throws {
        let hub = try await LoopbackHub()
        let (home, other) = (hub.cache.file("token"), hub.cache.file("other"))
        try Data("hf_file\r\n".utf8).write(to: URL(fileURLWithPath: home))
        try Data(" hf_other ".utf8).write(to: URL(fileURLWithPath: other))
        let (new, old) = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
        let places: [([String: String], String?)] = [
            ([:], "hf_file"), (["HF_TOKEN_PATH": other], "hf_other"), ([old: "hf_old"], "hf_old"),
            ([new: "hf_new\n", old: "hf_old"], "hf_new"), ([new: "", old: " hf_old"], "hf_old"),
            ([new: " \n", old: "hf_old"], "hf_file"), (["HF_TOKEN_PATH": hub.cache.file("none")], nil),
            ([new: "hf_new", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "on"], nil),
        ]
        hub.spoil("listing") { _, _ in Reply(status: 404) }
        for (variables, token) in places {
            await #expect(throws: HubError.notFound(try .tiny())) {
                try await hub.client(variables).folder(of: .tiny())
            }
            let sent = hub.requests(for: "listing").last?["Authorization"]
            #expect(sent == token.map { "Bearer \($0)" }, "\(variables)")
        }
    }

    @Test func namesWhereATokenThatIsNoneStands() async throws {
        let old = "HUGGING_FACE_HUB_TOKEN"
        #expect(throws: HubError.invalidToken(old)) { try HubSettings(environment: [old: "hf_s\u{E9}cret"]) }
        let folder = try TemporaryFolder()
        try Data("hf secret".utf8).write(to: URL(fileURLWithPath: folder.file("token")))
        #expect(throws: HubError.invalidToken(folder.file("token"))) {
            try HubSettings(environment: ["HF_HOME": folder.path])
        }
    }

    @Test func tellsTheHubOnWhoseBehalfItAsks() async throws {
        let hub = try await LoopbackHub()
        _ = try await hub.client().folder(of: .tiny())
        #expect(hub.server.requests.allSatisfy { $0["User-Agent"] == "visualgen" })
        let variable = "HF_HUB_USER_AGENT_ORIGIN"
        _ = try await hub.client([variable: "acme"]).folder(of: .tiny())
        #expect(hub.server.requests.last?["User-Agent"] == "visualgen; origin/acme")
        #expect(throws: HubError.invalidHeader(variable: variable)) { try hub.settings([variable: "a\r\nb: c"]) }
    }

    @Test func keepsFilesInSnapshotsWhereThereAreToBeNoLinks() async throws {
        let hub = try await LoopbackHub()
        let variables = ["HF_HUB_DISABLE_SYMLINKS": "1"]
        #expect(try await hub.client(variables).folder(of: .tiny()) == hub.snapshot)
        #expect(hub.cachedNames.isEmpty)
        #expect(try hub.cached(Repository.vae) == hub.bytes(of: Repository.vae))
        #expect(hub.blobs.isEmpty)
        let before = hub.server.requests.count
        let offline = variables.merging(["HF_HUB_OFFLINE": "1"]) { $1 }
        #expect(try await hub.client(offline).folder(of: .tiny()) == hub.snapshot)
        #expect(try await hub.client(variables).folder(of: .tiny()) == hub.snapshot)
        #expect(hub.server.requests.count == before + 1)
    }

    /// A blob that links of another snapshot lead to stays.
    @Test func copiesABlobThatWasThereBefore() async throws {
        let hub = try await LoopbackHub()
        _ = try await hub.client().folder(of: .tiny())
        try FileManager.default.removeItem(atPath: "\(hub.snapshot)/\(Repository.vae)")
        let blobs = Set(hub.blobs)
        _ = try await hub.client(["HF_HUB_DISABLE_SYMLINKS": "1"]).folder(of: .tiny())
        #expect(Set(hub.blobs) == blobs)
        #expect(!hub.cachedNames.contains(Repository.vae))
        #expect(try hub.cached(Repository.vae) == hub.bytes(of: Repository.vae))
    }

    @Test func tellsNobodyOfProgressWhereBarsAreSwitchedOff() async throws {
        let hub = try await LoopbackHub()
        let isQuiet = ["HF_HUB_DISABLE_PROGRESS_BARS": "1"]
        _ = try await hub.client(isQuiet).folder(of: .tiny(), observe: { Issue.record("\($0)") })
        #expect(try hub.cached(Repository.vae) == hub.bytes(of: Repository.vae))
    }
}
