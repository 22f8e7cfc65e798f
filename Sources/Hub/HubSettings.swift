internal import Files
internal import Foundation

/// Where the hub is, who asks, and where its files are kept.
package struct HubSettings: Sendable {
    /// The hub's address.
    let endpoint: Endpoint
    /// Between here and there.
    let proxies: Proxies
    /// Sent to the endpoint's host alone.
    let token: AccessToken?
    /// What the program calls itself there.
    let userAgent: String
    /// The folder that holds the `models--org--name` folders.
    package let cache: String
    /// Whether snapshots hold the files themselves instead of links to them.
    let avoidsLinks: Bool
    /// The variable that forbids the network; nil if none does.
    let offlineVariable: String?
    /// Whether nobody wants to know how far a download is.
    let hidesProgress: Bool
    /// How many files are downloaded at once.
    package var parallelFiles = 4
    /// How long the hub is waited for.
    package var patience = Patience()

    /// Reads the Python client's own environment variables, older spellings included; `docs/hub.md` lists them.
    ///
    /// An empty variable counts as not set.
    ///
    /// - Parameter environment: names and values, such as the process's own
    /// - Throws: ``HubError`` for an address, a token, a time or a name that cannot be one
    package init(environment: [String: String]) throws(HubError) {
        let variables = HubVariables(environment)
        let cacheHome = variables.path("XDG_CACHE_HOME") ?? variables.expanded("~/.cache")
        let home = variables.path("HF_HOME") ?? "\(cacheHome)/huggingface"
        cache = variables.path("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE") ?? "\(home)/hub"
        avoidsLinks = variables.isOn("HF_HUB_DISABLE_SYMLINKS")
        // The first that is set decides, on or off.
        let offline = variables.first("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
        offlineVariable = offline.flatMap { HubVariables.isOn($0.value) ? $0.name : nil }
        hidesProgress = variables.isOn("HF_HUB_DISABLE_PROGRESS_BARS")
        endpoint = try Endpoint(variables.first("HF_ENDPOINT")?.value ?? Endpoint.publicHub)
        proxies = offlineVariable == nil ? try Proxies(variables) : .none
        token = try Self.token(variables, home: home)
        userAgent = try Self.userAgent(variables)
        if let time = try variables.seconds("HF_HUB_ETAG_TIMEOUT") { patience.listing = time }
        if let time = try variables.seconds("HF_HUB_DOWNLOAD_TIMEOUT") {
            (patience.connect, patience.answer, patience.pause) = (time, time, time)
        }
    }

    /// Whether the network must not be used.
    package var isOffline: Bool { offlineVariable != nil }

    /// Whom an address is asked through.
    ///
    /// - Parameter address: of the hub, or of where it leads to
    /// - Returns: the proxy's host and port; nil for the address's own host
    package func proxy(for address: String) -> String? {
        URL(string: address).flatMap { proxies.proxy(for: $0) }?.description
    }

    /// The token of a variable, or else of a file.
    private static func token(_ variables: HubVariables, home: String) throws(HubError) -> AccessToken? {
        if variables.isOn("HF_HUB_DISABLE_IMPLICIT_TOKEN") { return nil }
        let named = variables.first("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
        if let named, let token = try AccessToken(named.value, from: named.name) { return token }
        let file = variables.path("HF_TOKEN_PATH") ?? "\(home)/token"
        return try AccessToken(text(ofFile: file), from: file)
    }

    /// The file's text, empty where there is none that can be read.
    private static func text(ofFile path: String) -> String {
        guard let file = try? InputFile(reading: path), let bytes = try? file.readAll(limit: 65536) else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func userAgent(_ variables: HubVariables) throws(HubError) -> String {
        guard let origin = variables.first("HF_HUB_USER_AGENT_ORIGIN") else { return "visualgen" }
        guard origin.value.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            throw .invalidHeader(variable: origin.name)
        }
        return "visualgen; origin/\(origin.value)"
    }
}
