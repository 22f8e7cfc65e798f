/// What a stage looks for in a text: a literal or a regular expression.
struct Pattern: Sendable {
    /// A stretch of a text that matches, or one between two matches.
    struct Stretch {
        let range: Range<Int>
        let isMatch: Bool
    }

    private enum Kind: Sendable {
        case literal([UInt8])
        case program(PatternProgram)
    }

    private let kind: Kind
    private let source: String

    init(literal: String) {
        kind = .literal(Array(literal.utf8))
        source = literal
    }

    /// - Throws: ``PatternReader/Unsupported``
    init(regex: String) throws {
        var reader = PatternReader(regex)
        kind = .program(try PatternProgram(reader.read()))
        source = regex
    }

    /// Reads `{"String": ..}` or `{"Regex": ..}`.
    init(_ fields: Fields) throws {
        try fields.allow("String", "Regex")
        if let literal = try fields.stringIfPresent("String") {
            guard !literal.isEmpty else { throw fields.invalid("String", "it is empty") }
            self.init(literal: literal)
        } else {
            let regex = try fields.string("Regex")
            do { try self.init(regex: regex) } catch let error as PatternReader.Unsupported {
                throw fields.unsupported("Regex", "\(error.name) in \(regex)")
            }
        }
    }

    /// The text cut at the borders of every match, in order and without gaps.
    ///
    /// - Throws: ``TokenizerError/patternTooSlow(_:)``
    func stretches(of text: UTF8Text) throws -> [Stretch] {
        var stretches: [Stretch] = []
        var end = text.startIndex
        try forEachMatch(in: text) { match in
            if end < match.lowerBound { stretches.append(Stretch(range: end..<match.lowerBound, isMatch: false)) }
            if !match.isEmpty { stretches.append(Stretch(range: match, isMatch: true)) }
            end = match.upperBound
        }
        if end < text.endIndex { stretches.append(Stretch(range: end..<text.endIndex, isMatch: false)) }
        return stretches
    }

    /// Calls the closure with each match, leftmost first, none overlapping.
    private func forEachMatch(in text: UTF8Text, _ body: (Range<Int>) -> Void) throws {
        let offset = text.startIndex
        try text.withUnsafeBufferPointer { bytes in
            switch kind {
            case .literal(let literal):
                var position = 0
                while position + literal.count <= bytes.count {
                    if literal.indices.allSatisfy({ bytes[position + $0] == literal[$0] }) {
                        body(offset + position..<offset + position + literal.count)
                        position += literal.count
                    } else {
                        position += 1
                    }
                }
            case .program(let program):
                try PatternMatcher.with(program, bytes) { matcher in
                    var position = 0
                    var lastEnd = -1
                    while position < bytes.count {
                        let end = matcher.match(at: position)
                        guard !matcher.isExhausted else { throw TokenizerError.patternTooSlow(source) }
                        // An empty match cuts the text too, unless it follows another match at once.
                        if let end, end > position || lastEnd != position {
                            body(offset + position..<offset + end)
                            lastEnd = end
                        }
                        if let end, end > position {
                            position = end
                        } else {
                            position += bytes.scalar(at: position).length
                        }
                    }
                }
            }
        }
    }
}
