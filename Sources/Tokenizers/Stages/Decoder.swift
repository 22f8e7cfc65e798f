/// The way back from tokens to text.
// Source: huggingface/tokenizers, src/decoders and src/pre_tokenizers at 3ba8ad0.
enum Decoder: Sendable {
    case byteLevel
    case metaspace(Metaspace)
    case replace(Pattern, with: [UInt8])
    case byteFallback
    case fuse
    /// Drops up to so many of a character at each end of every token.
    case strip(UInt32, start: Int, end: Int)
    case sequence([Decoder])

    /// - Throws: ``TokenizerError/patternTooSlow(_:)``
    func decode(_ tokens: [String]) throws -> [String] {
        switch self {
        case .byteLevel: return [tokens.flatMap(ByteLevel.decode).text]
        case .metaspace(let metaspace): return tokens.enumerated().map { metaspace.decode($1, isFirst: $0 == 0) }
        case .replace(let pattern, let content):
            return try tokens.map { token in
                let text = Array(token.utf8)
                return try pattern.stretches(of: text[...]).flatMap { $0.isMatch ? content[...] : text[$0.range] }.text
            }
        case .byteFallback: return Self.joinBytes(tokens)
        case .fuse: return [tokens.joined()]
        case .strip(let character, let start, let end):
            return tokens.map { token in
                let scalars = token.unicodeScalars
                let left = scalars.prefix(start).prefix { $0.value == character }.count
                let right = scalars.dropFirst(left).suffix(end).reversed().prefix { $0.value == character }.count
                return String(scalars.dropFirst(left).dropLast(right))
            }
        case .sequence(let stages): return try stages.reduce(tokens) { try $1.decode($0) }
        }
    }

    /// Joins runs of `<0x..>`; each byte of a run that is not valid UTF-8 becomes U+FFFD.
    private static func joinBytes(_ tokens: [String]) -> [String] {
        var result: [String] = []
        var run: [UInt8] = []
        func flush() {
            guard !run.isEmpty else { return }
            let text = String(validating: run, as: UTF8.self)
            result += text.map { [$0] } ?? Array(repeating: "\u{FFFD}", count: run.count)
            run = []
        }
        for token in tokens {
            if token.utf8.count == 6, token.hasPrefix("<0x"), token.hasSuffix(">"),
                let byte = UInt8(token.dropFirst(3).dropLast(), radix: 16)
            {
                run.append(byte)
            } else {
                flush()
                result.append(token)
            }
        }
        flush()
        return result
    }
}

extension Decoder {
    /// Reads `decoder` of a `tokenizer.json`.
    init(_ fields: Fields) throws {
        let type = try fields.string("type")
        switch type {
        case "ByteLevel": self = .byteLevel
        case "Metaspace": self = .metaspace(try Metaspace(fields))
        case "Replace":
            self = .replace(try Pattern(fields.fields("pattern")), with: Array(try fields.string("content").utf8))
        case "ByteFallback": self = .byteFallback
        case "Fuse": self = .fuse
        case "Strip":
            let content = try fields.string("content").unicodeScalars
            guard let character = content.first, content.count == 1 else {
                throw fields.invalid("content", "it is no character")
            }
            let start = max(0, try fields.integerIfPresent("start") ?? 0)
            self = .strip(character.value, start: start, end: max(0, try fields.integerIfPresent("stop") ?? 0))
        case "Sequence": self = .sequence(try fields.list("decoders").map(Decoder.init))
        default: throw fields.unsupported("type", "the decoder \(type)")
        }
    }
}

extension Metaspace {
    /// The text of a token: blanks for marks, none at the start of the first token.
    func decode(_ token: String, isFirst: Bool) -> String {
        var text = String.UnicodeScalarView()
        for scalar in token.unicodeScalars {
            if scalar.value != replacement {
                text.append(scalar)
            } else if !isFirst || prependScheme == .never {
                text.append(" ")
            }
        }
        return String(text)
    }
}
