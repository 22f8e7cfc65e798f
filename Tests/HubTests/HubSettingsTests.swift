internal import Foundation
internal import Hub
internal import Testing

@Suite struct HubSettingsTests {
    private let home = ["HOME": "/home/user"]

    private func cache(_ variables: [String: String]) throws -> String {
        try HubSettings(environment: home.merging(variables) { _, new in new }).cache
    }

    @Test func findsTheCacheAsPythonDoes() throws {
        #expect(try cache([:]) == "/home/user/.cache/huggingface/hub")
        #expect(try cache(["XDG_CACHE_HOME": "/c"]) == "/c/huggingface/hub")
        #expect(try cache(["XDG_CACHE_HOME": "/c", "HF_HOME": "/h"]) == "/h/hub")
        #expect(try cache(["HF_HOME": "/h", "HF_HUB_CACHE": "/k"]) == "/k")
        #expect(try cache(["HF_HOME": ""]) == "/home/user/.cache/huggingface/hub")
        #expect(try cache(["HF_HOME": "~/h"]) == "/home/user/h/hub")
        #expect(try cache(["HF_HOME": "$HOME/${X}/$Y", "X": "x"]) == "/home/user/x/$Y/hub")
        #expect(try cache(["HF_HUB_CACHE": "k"]) == FileManager.default.currentDirectoryPath + "/k")
    }

    @Test(arguments: ["1", "true", "Yes", "ON"]) func isOfflineWhereToldSo(_ value: String) throws {
        #expect(try HubSettings(environment: ["HF_HUB_OFFLINE": value]).isOffline)
    }

    @Test(arguments: ["0", "", "false", "no", "2"]) func isOnlineElse(_ value: String) throws {
        #expect(try !HubSettings(environment: ["HF_HUB_OFFLINE": value]).isOffline)
    }

    @Test func showsTheTokenNowhere() throws {
        let settings = try HubSettings(environment: ["HF_TOKEN": "hf_secret"])
        var dumped = ""
        dump(settings, to: &dumped)
        let shown = "\(settings) \(String(reflecting: settings)) \(dumped)"
        #expect(!shown.contains("secret"))
        let error = #expect(throws: HubError.invalidToken) {
            try HubSettings(environment: ["HF_TOKEN": "hf_sec\u{7}ret"])
        }
        #expect(error?.description.contains("ret") == false)
    }

    @Test(arguments: ["ftp://host", "host", "https://", "http://user:word@host", "https://host?x=1", "file:///tmp"])
    func refusesAnEndpointThatIsNone(_ address: String) {
        #expect(throws: HubError.invalidEndpoint) { try HubSettings(environment: ["HF_ENDPOINT": address]) }
    }
}
