/// Repairs stretches that look like misread UTF-8 within a text that as a whole is none.
// Source: ftfy 6.3.1, fixes.py, `decode_inconsistent_utf8`.
enum EmbeddedMojibake {
    static func repair(_ text: Scalars) -> Scalars {
        let kinds = text.map(MojibakeCharacters.of)
        var result: Scalars = []
        result.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            let end = end(of: kinds, from: index)
            if end == index {
                result.append(text[index])
                index += 1
                continue
            }
            let part = Scalars(text[index..<end])
            // Only a shorter text is looked at again, so that this comes to an end.
            let isMisread = part.count < text.count && MojibakeRule.matchesAny(in: part)
            result += isMisread ? EncodingRepair.repair(part) : part
            index = end
        }
        return result
    }

    /// Where the characters that read as bytes of UTF-8 end, if some begin here and not in the midst of others.
    private static func end(of kinds: [MojibakeCharacters], from start: Int) -> Int {
        if start > 0, kinds[start - 1].contains(.strictContinuation) { return start }
        let firsts: [(MojibakeCharacters, Int)] = [(.firstOfTwo, 2), (.firstOfThree, 3), (.firstOfFour, 4)]
        var end = start
        while end < kinds.count {
            let length = firsts.first { first, length in
                kinds[end].contains(first) && end + length <= kinds.count
                    && kinds[end + 1..<end + length].allSatisfy { $0.contains(.continuation) }
            }?.1
            guard let length else { break }
            end += length
        }
        return end
    }
}
