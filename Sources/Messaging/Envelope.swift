internal import Crypto

/// Messages of one direction as bytes: a header with version and number, the body, and a tag that needs the key.
///
/// The layout, little-endian: `VGM` and the direction's letter, the version in 4 bytes, the message's number in 8, the
/// body, and HMAC-SHA256 of all that in 32. Numbers rise, so that a message which was overheard cannot be said again.
package struct Envelope {
    /// Who speaks.
    package enum Direction: UInt8 {
        case toWorker = 0x77  // w
        case toEngine = 0x65  // e
    }

    /// Of the messages' meaning: both ends must agree.
    package static let version: UInt32 = 2
    private static let headerLength = 16
    private static let tagLength = 32

    private let key: MessageKey
    private let direction: Direction
    private var number: UInt64 = 0

    /// - Parameters:
    ///   - direction: who speaks
    ///   - key: what both ends have
    package init(_ direction: Direction, key: MessageKey) { (self.direction, self.key) = (direction, key) }

    /// Wraps the next message.
    ///
    /// - Parameter body: what is said
    /// - Returns: header, body and tag
    package mutating func seal(_ body: [UInt8]) -> [UInt8] {
        number += 1
        var bytes = header(version: Self.version) + body
        bytes += HMAC<SHA256>.authenticationCode(for: bytes, using: key.secret)
        return bytes
    }

    /// Unwraps a message, none of which is believed before its tag is checked.
    ///
    /// - Parameter bytes: what came, from anyone
    /// - Returns: the body
    /// - Throws: ``MessagingError/notAuthentic`` or ``MessagingError/version(found:expected:)``
    package mutating func open(_ bytes: [UInt8]) throws(MessagingError) -> [UInt8] {
        let end = bytes.count - Self.tagLength
        guard end >= Self.headerLength,
            HMAC<SHA256>.isValidAuthenticationCode(bytes[end...], authenticating: bytes[..<end], using: key.secret),
            Array(bytes[..<4]) == mark
        else { throw .notAuthentic }
        let version: UInt32 = Self.integer(bytes[4..<8])
        guard version == Self.version else { throw .version(found: version, expected: Self.version) }
        let number: UInt64 = Self.integer(bytes[8..<16])
        guard number > self.number else { throw .notAuthentic }
        self.number = number
        return Array(bytes[Self.headerLength..<end])
    }

    private var mark: [UInt8] { Array("VGM".utf8) + [direction.rawValue] }

    private func header(version: UInt32) -> [UInt8] {
        mark + (0..<4).map { UInt8(truncatingIfNeeded: version >> (8 * UInt32($0))) }
            + (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * UInt64($0))) }
    }

    private static func integer<Integer: FixedWidthInteger>(_ bytes: ArraySlice<UInt8>) -> Integer {
        bytes.reversed().reduce(0) { $0 << 8 | Integer($1) }
    }
}
