internal import AsyncHTTPClient
internal import Foundation

/// Through which proxies addresses are asked: what `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` say, as Python reads
/// them.
struct Proxies: Sendable {
    /// A proxy and its credentials.
    struct Proxy: Hashable, Sendable {
        fileprivate let isSOCKS: Bool
        fileprivate let host: String
        fileprivate let port: Int
        fileprivate let user: String?
        fileprivate let password: String?
    }

    private let byScheme: [String: Proxy]
    private let exceptions: [Exception]

    /// Every address is asked directly.
    static let none = Proxies()

    private init() { (byScheme, exceptions) = ([:], []) }

    /// - Parameter variables: each name in small letters goes before the one in capitals
    /// - Throws: ``HubError/invalidProxy(variable:)``
    init(_ variables: HubVariables) throws(HubError) {
        let excepted = (variables.first("no_proxy", "NO_PROXY")?.value ?? "").split(separator: ",")
            .map { $0.trimmingCharacters(in: .whitespaces).lowercased() }.filter { !$0.isEmpty }
        exceptions = excepted.map(Exception.init)
        var byScheme: [String: Proxy] = [:]
        if !excepted.contains("*") {
            for scheme in ["http", "https", "all"] {
                guard let found = variables.first("\(scheme)_proxy", "\(scheme.uppercased())_PROXY") else { continue }
                guard let proxy = Proxy(found.value) else { throw .invalidProxy(variable: found.name) }
                byScheme[scheme] = proxy
            }
        }
        self.byScheme = byScheme
    }

    /// All that may be needed.
    var all: Set<Proxy> { Set(byScheme.values) }

    /// - Parameter url: with a scheme and a host
    /// - Returns: the proxy to ask; nil for the host itself
    func proxy(for url: URL) -> Proxy? {
        guard let scheme = url.scheme?.lowercased(), let host = url.host?.lowercased() else { return nil }
        let port = url.port ?? (scheme == "https" ? 443 : 80)
        if exceptions.contains(where: { $0.matches(host, port) }) { return nil }
        return byScheme[scheme] ?? byScheme["all"]
    }

    /// A host that is asked directly, with all below it; an address or `localhost` stands for itself alone.
    private struct Exception: Sendable {
        private let host: String
        private let port: Int?
        private let isWhole: Bool

        init(_ text: String) {
            var text = text[...]
            if let scheme = text.firstRange(of: "://") { text = text[scheme.upperBound...] }
            let isBracketed = text.hasPrefix("[")
            let colons = text.count { $0 == ":" }
            if isBracketed || colons == 1, let colon = text.lastIndex(of: ":"),
                let number = Int(text[text.index(after: colon)...])
            {
                (text, port) = (text[..<colon], number)
            } else {
                port = nil
            }
            let name = text.trimmingCharacters(in: ["[", "]"])
            host = name.hasPrefix("*") ? String(name.dropFirst()) : name
            isWhole = name == "localhost" || name.contains(":") || name.allSatisfy { $0.isNumber || $0 == "." }
        }

        func matches(_ other: String, _ port: Int) -> Bool {
            if let own = self.port, own != port { return false }
            let other = other.trimmingCharacters(in: ["[", "]"])
            if host.hasPrefix(".") { return other.hasSuffix(host) }
            return other == host || !isWhole && other.hasSuffix(".\(host)")
        }
    }
}

extension Proxies.Proxy: CustomStringConvertible, CustomReflectable {
    /// Host and port.
    var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
    /// Nothing: a password may be in it.
    var customMirror: Mirror { Mirror(self, children: []) }
}

extension Proxies.Proxy {
    /// - Parameter text: an address, with or without a scheme, a user and a port
    fileprivate init?(_ text: String) {
        guard let parts = URLComponents(string: text.contains("://") ? text : "http://\(text)"), let host = parts.host,
            !host.isEmpty, let scheme = parts.scheme?.lowercased(), ["http", "socks5", "socks5h"].contains(scheme)
        else { return nil }
        isSOCKS = scheme != "http"
        // Of an address with colons the brackets are not part.
        self.host = host.trimmingCharacters(in: ["[", "]"])
        port = parts.port ?? (isSOCKS ? 1080 : 80)
        (user, password) = (parts.user, parts.password)
        if isSOCKS, user != nil { return nil }
    }

    /// The same for the HTTP client.
    var configuration: HTTPClient.Configuration.Proxy {
        if isSOCKS { return .socksServer(host: host, port: port) }
        let authorization = user.map { HTTPClient.Authorization.basic(username: $0, password: password ?? "") }
        return .server(host: host, port: port, authorization: authorization)
    }
}
