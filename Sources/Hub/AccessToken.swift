/// A secret that proves to the hub who asks; no description, dump or log shows it.
package struct AccessToken: Sendable {
    /// What stands in the Authorization header.
    let authorization: String

    /// Reads a token as people store them, with space or a line's end around it.
    ///
    /// - Parameter text: an environment variable's value, or a file's content
    /// - Throws: ``HubError`` where a header could not hold it
    package init?(_ text: String) throws(HubError) {
        var token = Substring(text.filter { !$0.isNewline })
        while let first = token.first, first.isWhitespace { token.removeFirst() }
        while let last = token.last, last.isWhitespace { token.removeLast() }
        if token.isEmpty { return nil }
        guard token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { throw .invalidToken }
        authorization = "Bearer \(token)"
    }
}

extension AccessToken: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// That there is one.
    package var description: String { "a hub token" }
    /// That there is one.
    package var debugDescription: String { description }
    /// Nothing.
    package var customMirror: Mirror { Mirror(self, children: []) }
}
