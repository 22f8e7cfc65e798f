internal import Foundation

/// A URL of an image on a host that the server may ask.
package struct ImageURL: Sendable, Equatable {
    /// In small letters.
    package let host: String
    /// The whole, written anew from its parts, so that nobody reads it otherwise.
    package let text: String

    /// - Parameters:
    ///   - text: what a client sent
    ///   - hosts: those that may be asked, each with its port unless that is the scheme's own; nil for any other's URL
    package init?(_ text: String, on hosts: Set<String>) {
        let isPlain = text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\\") }
        guard isPlain, let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            let host = parts.encodedHost?.lowercased(), let standardPort = ["http": 80, "https": 443][scheme],
            parts.user == nil, parts.password == nil
        else { return nil }
        let port = parts.port.flatMap { $0 == standardPort ? nil : $0 }
        let authority = port.map { "\(host):\($0)" } ?? host
        guard hosts.contains(authority) else { return nil }
        self.host = host
        var plain = URLComponents()
        (plain.scheme, plain.host, plain.port) = (scheme, host, port)
        (plain.percentEncodedPath, plain.percentEncodedQuery) = (parts.percentEncodedPath, parts.percentEncodedQuery)
        guard let whole = plain.string else { return nil }
        self.text = whole
    }
}
