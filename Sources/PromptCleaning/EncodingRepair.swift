/// Undoes the reading of UTF-8 in a single-byte encoding (mojibake).
// Source: ftfy 6.3.1, __init__.py, `fix_encoding_and_explain`.
enum EncodingRepair {
    /// Repeats the repair until nothing changes: text may have been misread several times.
    static func repair(_ text: Scalars) -> Scalars {
        var text = text
        while true {
            let repaired = repairOnce(text)
            if repaired == text { return text }
            text = repaired
        }
    }

    private static func repairOnce(_ text: Scalars) -> Scalars {
        if text.allSatisfy(\.isASCII) || !MojibakeRule.matchesAny(in: text) { return text }
        for encoding in SingleByteEncoding.all {
            guard var bytes = encoding.encode(text) else { continue }
            // In MacRoman the sequence would be a dash and a blank, which is likely.
            if encoding.name != "macroman" { ByteRepair.restoreHardBlanks(&bytes) }
            if encoding.isLossy { ByteRepair.replaceLossySequences(&bytes) }
            if let decoded = UTF8Variants.decode(bytes) { return decoded }
        }
        let repaired = EmbeddedMojibake.repair(text)
        if repaired != text { return repaired }
        return SingleByteEncoding.readingSecondControls(text)
    }
}
