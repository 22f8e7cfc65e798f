internal import Files
internal import Foundation

/// Where the hub is, who asks, and where its files are kept.
package struct HubSettings: Sendable {
    /// The hub's address.
    let endpoint: Endpoint
    /// Sent to the endpoint's host alone.
    let token: AccessToken?
    /// The folder that holds the `models--org--name` folders.
    package let cache: String
    /// Whether the network must not be used.
    package let isOffline: Bool
    /// How many files are downloaded at once.
    package var parallelFiles = 4
    /// How long the hub is waited for.
    package var patience = Patience()

    /// Reads the Python client's own environment variables: `HF_ENDPOINT`, `HF_TOKEN`, `HF_TOKEN_PATH`, `HF_HOME`,
    /// `HF_HUB_CACHE`, `HF_HUB_OFFLINE`, `HF_HUB_DISABLE_IMPLICIT_TOKEN` and `XDG_CACHE_HOME`.
    ///
    /// An empty variable counts as not set.
    ///
    /// - Parameter environment: names and values, such as the process's own
    /// - Throws: ``HubError`` for an address or a token that cannot be one
    package init(environment: [String: String]) throws(HubError) {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        func path(_ name: String) -> String? { value(name).map { Self.expanded($0, environment) } }

        let cacheHome = path("XDG_CACHE_HOME") ?? Self.expanded("~/.cache", environment)
        let home = path("HF_HOME") ?? "\(cacheHome)/huggingface"
        cache = path("HF_HUB_CACHE") ?? "\(home)/hub"
        isOffline = Self.isTrue(value("HF_HUB_OFFLINE"))
        endpoint = try Endpoint(value("HF_ENDPOINT") ?? Endpoint.publicHub)
        if Self.isTrue(value("HF_HUB_DISABLE_IMPLICIT_TOKEN")) {
            token = nil
        } else {
            token = try AccessToken(value("HF_TOKEN") ?? Self.text(ofFile: path("HF_TOKEN_PATH") ?? "\(home)/token"))
        }
    }

    private static func isTrue(_ value: String?) -> Bool {
        value.map { ["1", "ON", "YES", "TRUE"].contains($0.uppercased()) } ?? false
    }

    /// The file's text, empty where there is none that can be read.
    private static func text(ofFile path: String) -> String {
        guard let file = try? InputFile(reading: path), let bytes = try? file.readAll(limit: 65536) else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The whole path, with `~` and `$NAME` or `${NAME}` replaced; a name that is not set stays.
    private static func expanded(_ path: String, _ environment: [String: String]) -> String {
        var text = path
        if path == "~" || path.hasPrefix("~/") {
            text = (environment["HOME"] ?? NSHomeDirectory()) + path.dropFirst()
        }
        text.replace(/\$(?:\{(?<braced>[^}]*)\}|(?<plain>[A-Za-z0-9_]+))/) { match in
            let name = match.output.braced ?? match.output.plain ?? ""
            return environment[String(name)] ?? String(match.output.0)
        }
        return text.hasPrefix("/") ? text : "\(FileManager.default.currentDirectoryPath)/\(text)"
    }
}
