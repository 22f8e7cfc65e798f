internal import Files
internal import Foundation

/// The hub's address.
struct Endpoint: Sendable {
    /// The hub that is asked where no other is named.
    static let publicHub = "https://huggingface.co"

    private let base: String
    /// Where the token may go.
    let origin: Origin

    /// - Parameter text: an address, with or without a path and a slash behind it
    init(_ text: String) throws(HubError) {
        var base = text
        while base.hasSuffix("/") { base.removeLast() }
        guard let parts = URLComponents(string: base), let url = parts.url, let origin = Origin(of: url),
            parts.user == nil, parts.password == nil, parts.query == nil, parts.fragment == nil
        else { throw .invalidEndpoint }
        (self.base, self.origin) = (base, origin)
    }

    /// What the hub knows of a revision, its files with their sizes and hashes among it.
    func listing(of model: HubModel) -> String {
        "\(base)/api/models/\(model.id)/revision/\(model.revision.percentEncoded)?blobs=true"
    }

    /// One file of one commit.
    func file(_ path: String, of model: HubModel, commit: String) -> String {
        let encoded = path.pathNames.map(\.percentEncoded).joined(separator: "/")
        return "\(base)/\(model.id)/resolve/\(commit)/\(encoded)"
    }
}

/// What two addresses share if they lead to one server: scheme, host and port.
struct Origin: Equatable, Sendable {
    let scheme, host: String
    private let port: Int

    /// - Returns: nil for anything but http and https
    init?(of url: URL) {
        guard let scheme = url.scheme?.lowercased(), let host = url.host?.lowercased(), !host.isEmpty else {
            return nil
        }
        switch scheme {
        case "http": port = url.port ?? 80
        case "https": port = url.port ?? 443
        default: return nil
        }
        (self.scheme, self.host) = (scheme, host)
    }
}
