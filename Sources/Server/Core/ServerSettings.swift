/// How the server was configured.
package struct ServerSettings: Sendable {
    /// The name or address that is listened at.
    package var host = "localhost"
    package var port = 8000
    /// Where jobs and files lie.
    package var folder: String
    package var limits = ServerLimits()
    /// Who may use the server; nil lets anyone who reaches it.
    package var keys: APIKeys?
    /// What URLs of files begin with; nil for the name under which the client found the server.
    package var publicURL: String?
    /// The hosts whose images requests may name by URLs, each with its port unless that is the scheme's own.
    package var imageHosts: Set<String> = []
    /// Whether machines beyond this one may use a server without keys.
    package var allowsAnyone = false

    /// - Parameter folder: where jobs and files lie
    package init(folder: String) { self.folder = folder }

    /// The names of this machine for itself.
    static let loopbackNames: Set<String> = ["localhost", "127.0.0.1", "[::1]"]

    /// Whether only this machine's users reach the server.
    var isLocal: Bool { ListeningHost(host).isLocal }

    /// Whether a text can be one of ``imageHosts``: a name or an address of version 4, and a port if wanted.
    ///
    /// - Parameter text: what the server's owner wrote
    /// - Returns: whether it can
    package static func isImageHost(_ text: String) -> Bool {
        text.wholeMatch(of: /[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?/) != nil
    }

    /// Refuses a server that anyone may use.
    ///
    /// - Throws: ``ServerError/openWithoutKeys(_:)``
    package func validate() throws(ServerError) {
        if !isLocal, keys == nil, !allowsAnyone { throw .openWithoutKeys(host) }
    }
}
