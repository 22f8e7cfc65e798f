internal import Crypto
internal import Files
internal import Foundation

/// One line of the file of keys: `NAME HASH [SCOPE,SCOPE] [expires=2027-01-31] [priority=normal]`.
package struct APIKey: Sendable, Equatable {
    package let name: String
    /// SHA-256 of the key.
    package let hash: [UInt8]
    let scopes: Set<Scope>
    let expires: Date?
    let highestPriority: Priority

    /// What is wrong with a line.
    package struct Fault: Error { let reason: String }

    /// Reads a line.
    ///
    /// - Parameter line: not empty, no comment
    package init(line: Substring) throws(Fault) {
        let words = line.unicodeScalars.split { $0.properties.isWhitespace }.map { Substring($0) }
        guard words.count >= 2 else { throw Fault(reason: "a key needs a name and a hash") }
        name = String(words[0])
        guard let hash = [UInt8](hexadecimal: words[1].hasPrefix("sha256:") ? words[1].dropFirst(7) : words[1]),
            hash.count == SHA256.byteCount
        else { throw Fault(reason: "the hash of \(Self.shown(words[0])) is not 64 hexadecimal digits") }
        var scopes: Set<Scope>?
        var expires: Date?
        var priority = Priority.normal
        for word in words.dropFirst(2) {
            if word.hasPrefix("expires=") {
                guard let date = Self.date(word.dropFirst(8)) else {
                    throw Fault(
                        reason: "\(Self.shown(word)) of \(Self.shown(words[0])) is no date such as expires=2027-01-31")
                }
                expires = date
            } else if word.hasPrefix("priority=") {
                guard let highest = Priority(name: String(word.dropFirst(9))) else {
                    throw Fault(reason: "\(Self.shown(word)) of \(Self.shown(words[0])) is not low, normal or high")
                }
                priority = highest
            } else {
                scopes = try Self.scopes(word, of: name)
            }
        }
        (self.hash, self.expires, highestPriority) = (hash, expires, priority)
        self.scopes = scopes ?? [.images, .videos]
    }

    private static func scopes(_ word: Substring, of name: String) throws(Fault) -> Set<Scope> {
        var scopes: Set<Scope> = []
        for part in word.split(separator: ",") {
            guard let scope = Scope(rawValue: String(part)) else {
                let known = Scope.allCases.map(\.rawValue).joined(separator: ", ")
                throw Fault(reason: "\(shown(part)) of \(shown(name[...])) is no scope; there are \(known)")
            }
            scopes.insert(scope)
        }
        return scopes
    }

    /// A word of a line as messages show it: not if it could be a key that stands in the wrong place.
    static func shown(_ word: Substring) -> String {
        word.hasPrefix("vg-") || word.utf8.count > 32 ? "a word of \(word.count) characters" : String(word).quoted
    }

    private static func date(_ text: Substring) -> Date? {
        let formatter = ISO8601DateFormatter()
        formatter.formatOptions = text.contains("T") ? [.withInternetDateTime] : [.withFullDate]
        return formatter.date(from: String(text))
    }

    /// Whether this is the key of a hash; how long that takes tells nothing.
    ///
    /// - Parameter other: a hash
    /// - Returns: whether it is this key's
    package func has(_ other: [UInt8]) -> Bool {
        var difference: UInt8 = hash.count == other.count ? 0 : 1
        for (own, given) in zip(hash, other) { difference |= own ^ given }
        return difference == 0
    }

    /// A new key, and the line that goes into the file.
    ///
    /// - Parameters:
    ///   - name: whose it is
    ///   - scopes: what it may be used for
    /// - Returns: the key, which nobody can find out from the line
    package static func new(name: String, scopes: [Scope]) -> (key: String, line: String) {
        let bytes = (0..<32).map { _ in UInt8.random(in: 0...255) }
        let key = "vg-" + bytes.map { String(UInt16($0) + 256, radix: 16).dropFirst() }.joined()
        let hash = SHA256.hash(data: Data(key.utf8)).map { String(UInt16($0) + 256, radix: 16).dropFirst() }.joined()
        let scopes = scopes.map(\.rawValue).joined(separator: ",")
        return (key, "\(name) sha256:\(hash)\(scopes.isEmpty ? "" : " " + scopes)")
    }
}

extension [UInt8] {
    /// Bytes written as pairs of hexadecimal digits.
    init?(hexadecimal text: some StringProtocol) {
        guard text.utf8.count.isMultiple(of: 2) else { return nil }
        self = []
        var digits = text.utf8.makeIterator()
        while let high = digits.next(), let low = digits.next() {
            guard let high = Character(Unicode.Scalar(high)).hexDigitValue,
                let low = Character(Unicode.Scalar(low)).hexDigitValue
            else { return nil }
            append(UInt8(high << 4 | low))
        }
    }
}
