/// The alphabet of byte-level vocabularies: every byte as one printable scalar.
// Source: huggingface/tokenizers, src/pre_tokenizers/byte_level.rs at 3ba8ad0.
enum ByteLevel {
    /// GPT-2's way to cut a text, the default of the stage of that name.
    static let pattern = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

    /// The scalar of each byte, all below U+0144.
    static let scalars: [UInt32] = {
        var next: UInt32 = 0x100
        return (0..<256).map { (byte: UInt32) in
            if 0x21...0x7E ~= byte || 0xA1...0xAC ~= byte || 0xAE...0xFF ~= byte { return byte }
            next += 1
            return next - 1
        }
    }()

    private static let bytes: [UInt32: UInt8] = Dictionary(
        uniqueKeysWithValues: scalars.enumerated().map { ($1, UInt8($0)) })

    /// - Returns: the text with each of its bytes written as the byte's scalar
    static func encode(_ text: some Collection<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count + text.count / 4)
        for byte in text { result.append(scalar: scalars[Int(byte)]) }
        return result
    }

    /// - Returns: the bytes that a token stands for; the token itself if it is not of this alphabet
    static func decode(_ token: String) -> [UInt8] {
        let decoded = token.unicodeScalars.compactMap { bytes[$0.value] }
        return decoded.count == token.unicodeScalars.count ? decoded : Array(token.utf8)
    }
}
