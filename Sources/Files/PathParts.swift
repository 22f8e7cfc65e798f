extension String {
    /// What stands before a path's last name, with the slash at its end; empty where there is no slash.
    ///
    /// A slash is a byte: with a combining mark behind it, it would be another character.
    package var pathFolder: String {
        utf8.lastIndex(of: UInt8(ascii: "/")).map { String(decoding: utf8[...$0], as: UTF8.self) } ?? ""
    }

    /// A path's last name; empty where a slash is the end.
    package var pathName: String { String(decoding: utf8.dropFirst(pathFolder.utf8.count), as: UTF8.self) }

    /// The names of a path, empty ones among them.
    package var pathNames: [String] {
        utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    /// Whether the text is the name of something in a folder, and nothing else: neither empty nor a way out of it.
    package var isFileName: Bool {
        !utf8.contains(0) && !utf8.contains(UInt8(ascii: "/")) && !isEmpty && self != "." && self != ".."
    }
}
