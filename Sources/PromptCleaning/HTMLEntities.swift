/// Entities such as `&eacute;` and `&#233;`.
enum HTMLEntities {
    /// By name, without ampersand and semicolon.
    private static let entities: [Scalars: (text: Scalars, needsSemicolon: Bool)] = {
        var entities: [Scalars: (text: Scalars, needsSemicolon: Bool)] = [:]
        for word in table.split(whereSeparator: \.isWhitespace) {
            guard let mark = word.firstIndex(where: { $0 == "=" || $0 == "?" }) else { continue }
            let codes = word[word.index(after: mark)...].split(separator: ",")
            let text = codes.map { Unicode.Scalar(known: UInt32($0, radix: 16) ?? 0) }
            entities[Scalars(word[..<mark].unicodeScalars)] = (text, word[mark] == "=")
        }
        return entities
    }()

    /// Names in capitals that HTML does not know, such as `EACUTE`; their letters become capitals too.
    private static let capitalEntities: [Scalars: Scalars] = {
        var capitals: [Scalars: Scalars] = [:]
        for (name, entity) in entities where !name.contains(where: \.properties.isUppercase) {
            let capital = name.uppercased()
            let reference = ["&"] + capital + [";"]
            if decode(reference) == reference { capitals[capital] = entity.text.uppercased() }
        }
        return capitals
    }()

    /// The longest name that is looked for.
    private static let longestName = 32
    /// The longest name, or number, that ``decodeComplete(_:)`` looks at.
    private static let longestCompleteName = 24

    /// Decodes as a browser does: old names need no semicolon, even inside a longer word.
    // Source: Python 3.11, html/__init__.py, `unescape`.
    static func decode(_ text: Scalars) -> Scalars {
        replacing(text) { rest in
            if let number = CharacterNumber(rest) { return (number.browserText, number.length) }
            let name = rest.prefix(longestName).prefix { !"\t\n\u{0C} <&#;".unicodeScalars.contains($0) }
            if name.isEmpty { return nil }
            let hasSemicolon = rest.dropFirst(name.count).first == ";"
            if let entity = entities[Scalars(name)], hasSemicolon || !entity.needsSemicolon {
                return (entity.text, name.count + (hasSemicolon ? 1 : 0))
            }
            for length in stride(from: name.count - (hasSemicolon ? 0 : 1), to: 1, by: -1) {
                if let entity = entities[Scalars(name.prefix(length))], !entity.needsSemicolon {
                    return (entity.text, length)
                }
            }
            return nil
        }
    }

    /// Decodes only what is certain to be an entity, with its semicolon; also names in capitals.
    // Source: ftfy 6.3.1, fixes.py, `unescape_html`.
    static func decodeComplete(_ text: Scalars) -> Scalars {
        replacing(text) { rest in
            let isNumber = rest.first == "#"
            let name = rest.dropFirst(isNumber ? 1 : 0).prefix(longestCompleteName)
                .prefix { $0.isLatinLetter || $0.isDigit }
            let length = name.count + (isNumber ? 2 : 1)
            guard !name.isEmpty, rest.dropFirst(length - 1).first == ";" else { return nil }
            if isNumber {
                guard let number = CharacterNumber(rest), number.length == length else { return nil }
                return number.browserText == [";"] ? nil : (number.browserText, length)
            }
            let key = Scalars(name)
            return (entities[key]?.text ?? capitalEntities[key]).map { ($0, length) }
        }
    }

    /// Replaces what follows an ampersand, and the ampersand with it.
    private static func replacing(_ text: Scalars, _ replacement: (Scalars.SubSequence) -> (Scalars, Int)?) -> Scalars {
        guard text.contains("&") else { return text }
        var result: Scalars = []
        result.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            if text[index] == "&", let (decoded, length) = replacement(text[(index + 1)...]) {
                result += decoded
                index += length + 1
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }
}

extension Unicode.Scalar {
    /// Whether it is one of 0 to 9.
    var isDigit: Bool { ("0"..."9").contains(self) }
}
