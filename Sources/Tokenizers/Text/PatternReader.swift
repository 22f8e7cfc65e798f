/// Reads the text of a regular expression.
///
/// The syntax is the part of Oniguruma's that published tokenizers use: literals, classes, `\s \d \w \p{..}`, groups
/// with or without `?i`, lookahead, and repeats, greedy, lazy or possessive. Anything else is refused by name.
// Source: Oniguruma 6.9, doc/RE, as huggingface/tokenizers uses it through src/utils/onig.rs at 3ba8ad0.
struct PatternReader {
    /// A construct that is not implemented, as it is written.
    struct Unsupported: Error {
        let name: String
    }

    private static let maximumDepth = 32
    private static let maximumRepeat = 1000

    private let scalars: [Unicode.Scalar]
    private var position = 0
    private var ignoresCase = false

    init(_ pattern: String) {
        scalars = Array(pattern.unicodeScalars)
    }

    /// - Throws: ``Unsupported``
    mutating func read() throws -> PatternSyntax {
        let syntax = try choice(depth: 0)
        guard position == scalars.count else { throw Unsupported(name: "an unmatched )") }
        return syntax
    }

    private var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    private mutating func take(_ text: String) -> Bool {
        let wanted = Array(text.unicodeScalars)
        guard scalars[position...].starts(with: wanted) else { return false }
        position += wanted.count
        return true
    }

    private mutating func takeScalar() throws -> Unicode.Scalar {
        guard let scalar = next else { throw Unsupported(name: "a pattern that ends too early") }
        position += 1
        return scalar
    }

    private mutating func choice(depth: Int) throws -> PatternSyntax {
        guard depth < Self.maximumDepth else { throw Unsupported(name: "groups nested this deep") }
        var choices: [PatternSyntax] = []
        repeat {
            var parts: [PatternSyntax] = []
            while let scalar = next, scalar != "|", scalar != ")" { parts.append(try repeated(depth: depth)) }
            choices.append(parts.count == 1 ? parts[0] : .sequence(parts))
        } while take("|")
        return choices.count == 1 ? choices[0] : .choice(choices)
    }

    private mutating func repeated(depth: Int) throws -> PatternSyntax {
        let atom = try atom(depth: depth)
        guard let count = try repeatCount() else { return atom }
        var kind = PatternRepeat.greedy
        if take("?") { kind = .lazy } else if take("+") { kind = .possessive }
        if case .lookahead = atom { throw Unsupported(name: "a repeated lookahead") }
        if let scalar = next, "?*+".unicodeScalars.contains(scalar) { throw Unsupported(name: "a repeat of a repeat") }
        return .repeated(atom, count: count, kind)
    }

    private mutating func repeatCount() throws -> ClosedRange<Int>? {
        if take("*") { return 0...Int.max }
        if take("+") { return 1...Int.max }
        if take("?") { return 0...1 }
        guard take("{") else { return nil }
        var text = ""
        while let scalar = next, scalar != "}" { text.unicodeScalars.append(try takeScalar()) }
        let bounds = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard take("}"), let first = bounds.first, bounds.count <= 2, let lower = Int(first), lower >= 0 else {
            throw Unsupported(name: "the repeat {\(text)}")
        }
        let upper = bounds.count == 1 ? lower : bounds[1].isEmpty ? Int.max : Int(bounds[1]) ?? -1
        guard lower <= upper, lower <= Self.maximumRepeat, upper == .max || upper <= Self.maximumRepeat else {
            throw Unsupported(name: "the repeat {\(text)}")
        }
        return lower...upper
    }

    private mutating func atom(depth: Int) throws -> PatternSyntax {
        let scalar = try takeScalar()
        switch scalar {
        case "(": return try group(depth: depth)
        case "[": return .scalar(try brackets(depth: depth + 1))
        case "\\": return .scalar(try escape())
        case ".": return .scalar(ScalarSet([.range(0x0A...0x0A)], negated: true))
        case "^", "$", "*", "+", "?", "{": throw Unsupported(name: "\(scalar) at this place")
        default: return .scalar(.literal(scalar.value, ignoringCase: ignoresCase))
        }
    }

    private mutating func group(depth: Int) throws -> PatternSyntax {
        let outer = ignoresCase
        defer { ignoresCase = outer }
        var isLookahead = false
        var isNegated = false
        if take("?i:") {
            ignoresCase = true
        } else if take("?!") {
            (isLookahead, isNegated) = (true, true)
        } else if take("?=") {
            isLookahead = true
        } else if take("?:") {
        } else if next == "?" {
            throw Unsupported(name: "the group (?\(position + 1 < scalars.count ? String(scalars[position + 1]) : ""))")
        }
        let body = try choice(depth: depth + 1)
        guard take(")") else { throw Unsupported(name: "an unclosed (") }
        return isLookahead ? .lookahead(body, negated: isNegated) : body
    }

    private mutating func brackets(depth: Int) throws -> ScalarSet {
        guard depth < Self.maximumDepth else { throw Unsupported(name: "classes nested this deep") }
        let isNegated = take("^")
        var terms: [ScalarSet.Term] = []
        while !take("]") || terms.isEmpty {
            if take("&&") { throw Unsupported(name: "the intersection &&") }
            let scalar = try takeScalar()
            if scalar == "[" {
                if next == ":" { throw Unsupported(name: "a POSIX class") }
                terms.append(.nested(try brackets(depth: depth + 1)))
                continue
            }
            var low = scalar.value
            if scalar == "\\" {
                guard let literal = try literalEscape() else {
                    terms.append(try classEscape())
                    continue
                }
                low = literal
            }
            var high = low
            if next == "-", position + 1 < scalars.count, scalars[position + 1] != "]" {
                position += 1
                high = try takeScalar().value
                if high == 0x5C {
                    guard let literal = try literalEscape() else { throw Unsupported(name: "a range to a class") }
                    high = literal
                } else if high == 0x5B {
                    throw Unsupported(name: "a range to a class")
                }
                guard low <= high else { throw Unsupported(name: "an empty range") }
            }
            guard !ignoresCase else { throw Unsupported(name: "a class that ignores case") }
            terms.append(.range(low...high))
        }
        return ScalarSet(terms, negated: isNegated)
    }

    private mutating func escape() throws -> ScalarSet {
        if let literal = try literalEscape() { return .literal(literal, ignoringCase: ignoresCase) }
        return ScalarSet([try classEscape()])
    }

    /// What a backslash and the following character stand for if that is one scalar; takes nothing else.
    private mutating func literalEscape() throws -> UInt32? {
        guard let scalar = next else { throw Unsupported(name: "a pattern that ends too early") }
        switch scalar {
        case "n": position += 1; return 0x0A
        case "r": position += 1; return 0x0D
        case "t": position += 1; return 0x09
        case "f": position += 1; return 0x0C
        case "v": position += 1; return 0x0B
        case "0"..."9", "a"..."z", "A"..."Z": return nil
        default: position += 1; return scalar.value
        }
    }

    private mutating func classEscape() throws -> ScalarSet.Term {
        let scalar = try takeScalar()
        switch scalar {
        case "s", "S": return .whitespace(negated: scalar == "S")
        case "w", "W": return .word(negated: scalar == "W")
        case "d", "D": return .categories(Category.decimalNumber.mask, negated: scalar == "D")
        case "p", "P":
            guard take("{") else { throw Unsupported(name: "\\\(scalar) without {}") }
            var isNegated = scalar == "P"
            if take("^") { isNegated.toggle() }
            var name = ""
            while let letter = next, letter != "}" { name.unicodeScalars.append(try takeScalar()) }
            guard take("}"), let mask = Category.mask(named: name) else {
                throw Unsupported(name: "\\\(scalar){\(name)}")
            }
            return .categories(mask, negated: isNegated)
        default: throw Unsupported(name: "\\\(scalar)")
        }
    }
}
