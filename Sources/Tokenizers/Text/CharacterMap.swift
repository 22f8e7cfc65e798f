/// The character map that SentencePiece precompiles: a double-array trie over UTF-8 and the replacements it points to.
///
/// The bytes are the trie's size, its 32-bit units, and replacements that each end with a zero byte.
// Source: huggingface/spm_precompiled, src/lib.rs at 3795b14; tokenizers, src/normalizers/precompiled.rs at 3ba8ad0.
struct CharacterMap: Sendable {
    private let units: [UInt32]
    private let replacements: [UInt8]
    /// What each ASCII character becomes; nil if it stays.
    private let ascii: [Range<Int>?]

    /// - Throws: ``TokenizerError/corruptCharacterMap(_:)``
    init(_ bytes: [UInt8]) throws {
        guard bytes.count >= 4 else { throw TokenizerError.corruptCharacterMap("it has no size") }
        func unit(_ offset: Int) -> UInt32 {
            UInt32(bytes[offset]) | UInt32(bytes[offset + 1]) << 8 | UInt32(bytes[offset + 2]) << 16
                | UInt32(bytes[offset + 3]) << 24
        }
        let count = Int(unit(0)) / 4
        guard count > 0, count <= (bytes.count - 4) / 4 else {
            throw TokenizerError.corruptCharacterMap("the trie of \(count) units does not fit its \(bytes.count) bytes")
        }
        let units = (0..<count).map { unit(4 + 4 * $0) }
        let replacements = Array(bytes[(4 + 4 * count)...])
        guard String(validating: replacements, as: UTF8.self) != nil else {
            throw TokenizerError.corruptCharacterMap("the replacements are not valid UTF-8")
        }
        self.units = units
        self.replacements = replacements
        ascii = try (0..<128).map {
            try Self.replacement(of: [UInt8($0)][...], units: units, replacements: replacements)
        }
    }

    /// - Returns: the text with every cluster or scalar that the map knows replaced
    /// - Throws: ``TokenizerError/corruptCharacterMap(_:)``
    func apply(to text: [UInt8]) throws -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        try Graphemes.forEach(in: text) { cluster in
            if cluster.count == 1 {
                let byte = text[cluster.lowerBound]
                if let range = ascii[Int(byte)] { result += replacements[range] } else { result.append(byte) }
                return
            }
            // The reference tries a cluster as a whole only if it is short, and then takes its shortest known prefix.
            if cluster.count < 6, let range = try replacement(of: text[cluster]) {
                result += replacements[range]
                return
            }
            var index = cluster.lowerBound
            while index < cluster.upperBound {
                let scalar = index..<index + text.scalar(at: index).length
                if let range = try replacement(of: text[scalar]) {
                    result += replacements[range]
                } else {
                    result += text[scalar]
                }
                index = scalar.upperBound
            }
        }
        return result
    }

    private func replacement(of key: UTF8Text) throws -> Range<Int>? {
        try Self.replacement(of: key, units: units, replacements: replacements)
    }

    private static func replacement(of key: UTF8Text, units: [UInt32], replacements: [UInt8]) throws -> Range<Int>? {
        func unit(_ index: Int) throws -> UInt32 {
            guard index < units.count else {
                throw TokenizerError.corruptCharacterMap("the trie points outside itself")
            }
            return units[index]
        }
        var index = offset(units[0])
        for byte in key {
            guard byte != 0 else { return nil }
            index ^= Int(byte)
            let node = try unit(index)
            guard node & (1 << 31 | 0xFF) == UInt32(byte) else { return nil }
            index ^= offset(node)
            guard node >> 8 & 1 == 1 else { continue }
            let start = Int(try unit(index) & (1 << 31 - 1))
            guard start <= replacements.count, start == replacements.count || replacements[start] & 0xC0 != 0x80 else {
                throw TokenizerError.corruptCharacterMap("the trie points to no replacement")
            }
            return start..<(replacements[start...].firstIndex(of: 0) ?? replacements.count)
        }
        return nil
    }

    @inline(__always)
    private static func offset(_ unit: UInt32) -> Int { Int(unit >> 10) << Int((unit & 1 << 9) >> 6) }
}
