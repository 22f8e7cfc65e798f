internal import Crypto

/// The secret that both ends of a channel share; messages without it are dropped.
package struct MessageKey: Sendable {
    private static let byteCount = 32
    let secret: SymmetricKey

    /// Draws a new key.
    package init() { secret = SymmetricKey(size: .bits256) }

    /// - Parameter hexadecimal: ``hexadecimal`` of a key; nil comes of anything else
    package init?(hexadecimal: String) {
        let digits = Array(hexadecimal.utf8)
        guard digits.count == 2 * Self.byteCount else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let byte = UInt8(String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(byte)
        }
        secret = SymmetricKey(data: bytes)
    }

    /// The key as digits, to be handed over where nobody else reads.
    package var hexadecimal: String {
        secret.withUnsafeBytes { bytes in
            bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
    }
}
