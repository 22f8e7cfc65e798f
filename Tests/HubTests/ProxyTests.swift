internal import Foundation
internal import Hub
internal import TestKit
internal import Testing

@Suite struct ProxyTests {
    /// The name of the hub is for the proxy to find.
    @Test(arguments: ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
    func asksTheHubThroughTheProxy(_ variable: String) async throws {
        let hub = try await LoopbackHub()
        let proxy = try await LoopbackProxy(to: hub.server.port)
        let variables = [variable: "127.0.0.1:\(proxy.port)", "HF_ENDPOINT": "http://hub.invalid:81"]
        #expect(try await hub.client(variables).folder(of: .tiny()) == hub.snapshot)
        #expect(Set(proxy.requests) == ["CONNECT hub.invalid:81 HTTP/1.1"])
        #expect(!proxy.log.all.contains { $0.contains("Proxy-Authorization") })
    }

    @Test func tellsTheProxyWhoAsks() async throws {
        let hub = try await LoopbackHub()
        let proxy = try await LoopbackProxy(to: hub.server.port)
        let variables = [
            "http_proxy": "http://me:p%40ss@127.0.0.1:\(proxy.port)/", "HTTP_PROXY": "http://127.0.0.1:1",
            "HF_ENDPOINT": "http://hub.invalid", "HF_TOKEN": "hf_secret",
        ]
        _ = try await hub.client(variables).folder(of: .tiny())
        let credentials = Data("me:p@ss".utf8).base64EncodedString()
        #expect(proxy.log.all.allSatisfy { $0.lowercased().contains("proxy-authorization: basic ") })
        #expect(proxy.log.all.allSatisfy { $0.contains(credentials) && !$0.contains("secret") })
        #expect(hub.server.requests.allSatisfy { $0["Authorization"] == "Bearer hf_secret" })
        #expect(hub.server.requests.allSatisfy { $0["Proxy-Authorization"] == nil })
    }

    @Test(arguments: [
        "127.0.0.1", "*", "localhost, 127.0.0.1", "http://127.0.0.1", "127.0.0.1:PORT", "example.com,127.0.0.1 ,",
    ])
    func leavesTheProxyOutWhereToldSo(_ exceptions: String) async throws {
        let hub = try await LoopbackHub()
        let list = exceptions.replacing("PORT", with: "\(hub.server.port)")
        for name in ["no_proxy", "NO_PROXY"] {
            let variables = ["HTTP_PROXY": "http://127.0.0.1:1", name: list]
            #expect(try await hub.client(variables).folder(of: .tiny()) == hub.snapshot)
        }
    }

    @Test(arguments: [
        ("hub.example", "hub.example", true), ("hub.example", "example", true), ("hub.example", ".example", true),
        ("example", ".example", false), ("hub.example", "ub.example", false), ("hub.example", "hub.example:82", false),
        ("hub.example", "hub.example:81", true), ("hub.example", "*.example", true), ("hub.example", "10.0.0.1", false),
        ("hub.example", "HUB.Example", true), ("hub.example", "", false), ("hub.example", "other, example", true),
        ("10.0.0.1", "10.0.0.1", true), ("10.0.0.1", "0.0.1", false), ("a.localhost", "localhost", false),
        ("[::1]", "::1", true), ("[::1]", "[::1]:81", true), ("[::1]", "[::1]:82", false),
    ])
    func knowsWhichHostsAreExcepted(_ host: String, _ exceptions: String, _ isExcepted: Bool) throws {
        let settings = try HubSettings(environment: ["HTTP_PROXY": "http://proxy:3128", "NO_PROXY": exceptions])
        #expect(settings.proxy(for: "http://\(host):81/x") == (isExcepted ? nil : "proxy:3128"))
        #expect(settings.proxy(for: "https://\(host):81/x") == nil)
    }

    @Test func hasAProxyForEachSchemeAndOneForTheRest() throws {
        let secure = "http://me:secret@secure:8080"
        let settings = try HubSettings(
            environment: ["https_proxy": secure, "ALL_PROXY": "socks5h://[::1]", "all_proxy": ""])
        #expect(settings.proxy(for: "https://hub.example") == "secure:8080")
        #expect(settings.proxy(for: "http://hub.example") == "[::1]:1080")
        var dumped = ""
        dump(settings, to: &dumped)
        #expect(!"\(settings) \(String(reflecting: settings)) \(dumped)".contains("secret"))
    }

    @Test(arguments: [
        "https://proxy", "ftp://proxy", "http://", "http://pro xy", "socks5://me:secret@proxy", "socks4://x",
    ])
    func refusesAProxyThatIsNoneWithoutShowingIt(_ address: String) throws {
        let error = #expect(throws: HubError.invalidProxy(variable: "HTTPS_PROXY")) {
            try HubSettings(environment: ["HTTPS_PROXY": address])
        }
        #expect(error?.description.contains("secret") == false)
        _ = try HubSettings(environment: ["HTTPS_PROXY": address, "HF_HUB_OFFLINE": "1"])
        _ = try HubSettings(environment: ["HTTPS_PROXY": address, "NO_PROXY": "*"])
    }
}
