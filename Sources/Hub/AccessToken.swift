internal import Files

/// A secret that proves to the hub who asks; no description, dump or log shows it.
package struct AccessToken: Sendable {
    /// What stands in the Authorization header.
    let authorization: String

    /// Reads a token as people store them, with space, a line's end or a byte order mark around it.
    ///
    /// - Parameters:
    ///   - text: an environment variable's value, or a file's content
    ///   - source: the variable or the file, for messages
    /// - Throws: ``HubError`` where a header could not hold it
    package init?(_ text: String, from source: String) throws(HubError) {
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0D).contains($0) }
        var token = Array(text.utf8).withoutByteOrderMark.filter { $0 != 0x0A && $0 != 0x0D }[...]
        token = token.drop(while: isBlank)
        while token.last.map(isBlank) == true { token.removeLast() }
        if token.isEmpty { return nil }
        guard token.allSatisfy({ (0x21...0x7E).contains($0) }) else { throw .invalidToken(source) }
        authorization = "Bearer \(String(decoding: token, as: UTF8.self))"
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
