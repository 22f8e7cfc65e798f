/// Names of things that the server makes.
enum Identifier {
    /// A name that nobody guesses.
    ///
    /// - Parameter kind: how it begins
    /// - Returns: the kind, `_`, and 128 random bits
    static func new(_ kind: String) -> String {
        let bits = (0..<2).map { _ in String(UInt64.random(in: 0...UInt64.max), radix: 16) }
        return "\(kind)_\(bits.map { String(repeating: "0", count: 16 - $0.count) + $0 }.joined())"
    }

    /// Whether a name is one that jobs have.
    ///
    /// - Parameter name: such as a folder's
    /// - Returns: whether it has that shape
    static func isJob(_ name: String) -> Bool {
        guard let kind = ["image_", "video_"].first(where: { name.hasPrefix($0) }) else { return false }
        let digits = name.utf8.dropFirst(kind.utf8.count)
        return digits.count == 32 && digits.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }
}
