internal import Foundation
internal import Hub
internal import TestKit
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
        #expect(try cache(["HF_HOME": "/h", "HUGGINGFACE_HUB_CACHE": "~/k"]) == "/home/user/k")
        #expect(try cache(["HUGGINGFACE_HUB_CACHE": "/k", "HF_HUB_CACHE": "/n"]) == "/n")
        #expect(try cache(["HUGGINGFACE_HUB_CACHE": "/k", "HF_HUB_CACHE": ""]) == "/k")
        #expect(try cache(["HF_HOME": ""]) == "/home/user/.cache/huggingface/hub")
        #expect(try cache(["HF_HOME": "~/h"]) == "/home/user/h/hub")
        #expect(try cache(["HF_HOME": "$HOME/${X}/$Y", "X": "x"]) == "/home/user/x/$Y/hub")
        #expect(try cache(["HF_HUB_CACHE": "k"]) == FileManager.default.currentDirectoryPath + "/k")
    }

    @Test(arguments: ["1", "true", "Yes", "ON"], ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
    func isOfflineWhereToldSo(_ value: String, _ name: String) throws {
        #expect(try HubSettings(environment: [name: value]).isOffline)
    }

    @Test(arguments: ["0", "", "false", "no", "2", "1 "], ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
    func isOnlineElse(_ value: String, _ name: String) throws {
        #expect(try !HubSettings(environment: [name: value]).isOffline)
    }

    /// As `HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE` does in Python.
    @Test(arguments: [("1", "0", true), ("0", "1", false), ("", "1", true), ("no", "yes", false), ("", "0", false)])
    func letsTheNewerSpellingDecide(_ hub: String, _ transformers: String, _ isOffline: Bool) throws {
        let environment = ["HF_HUB_OFFLINE": hub, "TRANSFORMERS_OFFLINE": transformers]
        #expect(try HubSettings(environment: environment).isOffline == isOffline)
    }

    @Test func waitsAsLongAsItIsTold() throws {
        let usual = Patience()
        let download = try HubSettings(environment: ["HF_HUB_DOWNLOAD_TIMEOUT": "99"]).patience
        #expect(download.connect == .seconds(99) && download.answer == .seconds(99) && download.pause == .seconds(99))
        #expect(download.listing == usual.listing)
        let listing = try HubSettings(environment: ["HF_HUB_ETAG_TIMEOUT": " 60 "]).patience
        #expect(listing.listing == .seconds(60) && listing.answer == usual.answer)
        for none in ["0", ""] {
            let settings = try HubSettings(
                environment: ["HF_HUB_ETAG_TIMEOUT": none, "HF_HUB_DOWNLOAD_TIMEOUT": none])
            #expect(settings.patience.listing == usual.listing && settings.patience.pause == usual.pause)
        }
    }

    @Test(arguments: ["-1", "1.5", "ten", "99999999999999999999", "1000001"])
    func refusesATimeThatIsNone(_ value: String) {
        for variable in ["HF_HUB_ETAG_TIMEOUT", "HF_HUB_DOWNLOAD_TIMEOUT"] {
            #expect(throws: HubError.invalidSeconds(variable: variable, found: value)) {
                try HubSettings(environment: [variable: value])
            }
        }
    }

    @Test func showsTheTokenNowhere() throws {
        let settings = try HubSettings(environment: ["HF_TOKEN": "hf_secret"])
        var dumped = ""
        dump(settings, to: &dumped)
        let shown = "\(settings) \(String(reflecting: settings)) \(dumped)"
        #expect(!shown.contains("secret"))
        let error = #expect(throws: HubError.invalidToken("HF_TOKEN")) {
            try HubSettings(environment: ["HF_TOKEN": "hf_sec\u{7}ret"])
        }
        #expect(error?.description.contains("ret") == false)
    }

    @Test(arguments: ["hf_x", " hf_x\n", "hf_x\r\n", "\u{FEFF}hf_x\r\n", "\thf_x \n\n"])
    func readsATokenOfAnySystem(_ text: String) async throws {
        let folder = try TemporaryFolder()
        let hub = try await LoopbackHub()
        for variables in [["HF_TOKEN": text], ["HF_TOKEN_PATH": try folder.write(text, to: "token")]] {
            _ = try await hub.client(variables).folder(of: .tiny())
            #expect(hub.requests(for: "listing").last?["Authorization"] == "Bearer hf_x")
        }
    }

    @Test(arguments: ["ftp://host", "host", "https://", "http://user:word@host", "https://host?x=1", "file:///tmp"])
    func refusesAnEndpointThatIsNone(_ address: String) {
        #expect(throws: HubError.invalidEndpoint) { try HubSettings(environment: ["HF_ENDPOINT": address]) }
    }
}
