internal import Tokenizers

/// Mends text that was damaged on its way: misread encodings, entities, look-alikes, control characters.
// Source: ftfy 6.3.1, __init__.py, `fix_text` with its default options.
enum TextRepair {
    /// A longer line is repaired in parts of this length.
    private static let longestSegment = 1_000_000
    /// No text was damaged more often than this; one that hides that many entities in each other is meant to take long.
    private static let mostRounds = 100

    /// Repairs line by line, since every line may have its own history.
    static func repair(_ text: Scalars) -> Scalars {
        var result: Scalars = []
        result.reserveCapacity(text.count)
        var decodesEntities = true
        var start = 0
        while start < text.count {
            let lineEnd = text[start...].firstIndex(of: "\n").map { $0 + 1 } ?? text.count
            let end = min(lineEnd, start + longestSegment)
            let segment = Scalars(text[start..<end])
            // A tag shows that the text is meant to be HTML, from that line on.
            if segment.contains("<") { decodesEntities = false }
            result += repair(segment: segment, decodesEntities: decodesEntities)
            start = end
        }
        return result
    }

    /// Repeats all repairs until nothing changes, as one may uncover what another mends.
    private static func repair(segment: Scalars, decodesEntities: Bool) -> Scalars {
        var text = segment
        for _ in 0..<mostRounds {
            let before = text
            if decodesEntities { text = HTMLEntities.decodeComplete(text) }
            text = EncodingRepair.repair(text)
            text = CharacterRepair.repair(text)
            if !text.allSatisfy(\.isASCII) { text = Scalars(UnicodeForm.nfc(String(text)).unicodeScalars) }
            if text == before { break }
        }
        return text
    }
}
