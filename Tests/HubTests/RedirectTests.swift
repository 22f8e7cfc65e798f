internal import Foundation
internal import Hub
internal import TestKit
internal import Testing

@Suite struct RedirectTests {
    private let token = ["HF_TOKEN": "hf_secret"]

    private func redirect(_ status: Int = 302, to location: String) -> LoopbackHub.Fault {
        { _, _ in Reply(status: status, headers: ["Location": location]) }
    }

    @Test(arguments: [301, 302, 303, 307, 308])
    func carriesTheTokenToNoOtherServer(_ status: Int) async throws {
        let hub = try await LoopbackHub()
        let body = hub.bytes(of: Repository.vae)
        let other = try await LoopbackServer { request in LoopbackHub.rangeReply(to: request, body) }
        hub.spoil(Repository.vae, redirect(status, to: "\(other.address)/signed?key=1%2F2"))
        _ = try await hub.client(token).folder(of: .tiny())
        #expect(try hub.cached(Repository.vae) == body)
        #expect(other.requests.map(\.path) == ["/signed?key=1%2F2"])
        #expect(other.requests.allSatisfy { !$0.headers.values.contains { $0.contains("secret") } })
        #expect(hub.server.requests.allSatisfy { $0["Authorization"] == "Bearer hf_secret" })
    }

    @Test func doesNotTakeTheTokenUpAgainOnTheWayBack() async throws {
        let hub = try await LoopbackHub()
        let origin = "\(hub.server.address)/org/tiny/resolve/\(LoopbackHub.commit)/\(Repository.vae)"
        let other = try await LoopbackServer { _ in Reply(status: 302, headers: ["Location": origin]) }
        hub.spoil(Repository.vae, redirect(to: "\(other.address)/x"), nil)
        _ = try await hub.client(token).folder(of: .tiny())
        #expect(hub.requests(for: Repository.vae).map { $0["Authorization"] } == ["Bearer hf_secret", nil])
        #expect(other.requests.map { $0["Authorization"] } == [nil])
    }

    @Test func carriesTheTokenOnTheSameServer() async throws {
        let hub = try await LoopbackHub()
        let place = "/org/tiny/resolve/\(LoopbackHub.commit)/\(Repository.vae)"
        hub.spoil(Repository.vae, redirect(307, to: place), redirect(to: hub.server.address + place), nil)
        hub.spoil("listing", redirect(307, to: "main?blobs=true"), nil)
        _ = try await hub.client(token).folder(of: .tiny())
        #expect(hub.requests(for: Repository.vae).count == 3)
        #expect(hub.server.requests.allSatisfy { $0["Authorization"] == "Bearer hf_secret" })
    }

    @Test(arguments: ["/api/models/org/tiny/revision/main?blobs=true", "ftp://127.0.0.1/x", "", "file:///etc/passwd"])
    func followsNoRedirectInCirclesOrElsewhereThanHTTP(_ location: String) async throws {
        let hub = try await LoopbackHub()
        hub.spoil("listing", redirect(to: location))
        await #expect(throws: HubError.badRedirect(host: "127.0.0.1")) {
            try await hub.client(token).folder(of: .tiny())
        }
        #expect(hub.requests(for: "listing").count <= 11)
    }

    @Test func asksForANewAddressWhereASignedOneIsRefused() async throws {
        let hub = try await LoopbackHub()
        let other = try await LoopbackServer { _ in Reply(status: 403) }
        hub.spoil(Repository.vae, redirect(to: "\(other.address)/old"), nil)
        _ = try await hub.client(token).folder(of: .tiny())
        #expect(hub.requests(for: Repository.vae).count == 2)
    }

    @Test func takesTheTokenFromTheEnvironmentThenFromAFile() async throws {
        let hub = try await LoopbackHub()
        hub.spoil("listing") { _, _ in Reply(status: 404) }
        try hub.cache.write(" of-file\n", to: "token")
        try hub.cache.write("elsewhere\n", to: "other")
        func token(_ variables: [String: String]) async throws -> String? {
            _ = try? await hub.client(variables).folder(of: .tiny())
            return hub.server.requests.last?["Authorization"]
        }
        #expect(try await token(["HF_TOKEN": " given\r\n"]) == "Bearer given")
        #expect(try await token([:]) == "Bearer of-file")
        #expect(try await token(["HF_TOKEN_PATH": hub.cache.file("other")]) == "Bearer elsewhere")
        #expect(try await token(["HF_TOKEN_PATH": hub.cache.file("none")]) == nil)
        #expect(try await token(["HF_TOKEN": "given", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"]) == nil)
    }

    @Test func asksUnderTheEndpointsPathWithNamesEncoded() async throws {
        let hub = try await LoopbackHub()
        hub.put([1], as: "tokenizer/ü #?%.txt")
        _ = try await hub.client().folder(of: .tiny("refs/pr/1"))
        #expect(try hub.cached("tokenizer/ü #?%.txt") == [1])
        _ = try? await hub.client(["HF_ENDPOINT": hub.server.address + "/hf//"]).folder(of: .tiny())
        #expect(hub.server.requests.last?.path == "/hf/api/models/org/tiny/revision/main?blobs=true")
    }
}
