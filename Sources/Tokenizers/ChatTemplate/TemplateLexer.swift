/// Cuts a chat template into tokens, with `trim_blocks` and `lstrip_blocks` on.
// Source: pallets/jinja 3.1.6, src/jinja2/lexer.py, `Lexer.tokeniter`; the options are those of huggingface/transformers
// 5.23.0, utils/chat_template_utils.py.
struct TemplateLexer {
    /// A tag longer than this is no template's; it also bounds how deep an expression nests.
    private static let tagLimit = 400

    private let scalars: [Unicode.Scalar]
    private var position = 0
    private var line = 1
    private var tokens: [TemplateToken] = []
    /// Whether the text that follows begins a line.
    private var startsLine = true

    /// - Parameter text: the template
    /// - Returns: its tokens, the last one being the end
    static func tokens(of text: String) throws(TemplateFailure) -> [TemplateToken] {
        var lexer = TemplateLexer(text)
        while lexer.position < lexer.scalars.count { try lexer.readText() }
        lexer.add(.end)
        return lexer.tokens
    }

    private init(_ text: String) {
        var scalars: [Unicode.Scalar] = []
        var followsReturn = false
        for scalar in text.unicodeScalars {
            if scalar != "\n" || !followsReturn { scalars.append(scalar == "\r" ? "\n" : scalar) }
            followsReturn = scalar == "\r"
        }
        // One line break at the end of the file is none of the template's.
        if scalars.last == "\n" { scalars.removeLast() }
        self.scalars = scalars
    }

    private mutating func add(_ kind: TemplateToken.Kind) { tokens.append(TemplateToken(kind: kind, line: line)) }

    private func fail(_ fault: TemplateFault) -> TemplateFailure { TemplateFailure(line: line, fault: fault) }

    private func at(_ index: Int) -> Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

    private func has(_ text: String) -> Bool { scalars[position...].starts(with: text.unicodeScalars) }

    private mutating func advance(to end: Int) {
        line += scalars[position..<end].count { $0 == "\n" }
        position = end
    }

    private func isOpening(_ index: Int) -> Bool {
        guard scalars[index] == "{", let next = at(index + 1) else { return false }
        return next == "{" || next == "%" || next == "#"
    }

    /// The text up to the next tag, and the tag.
    private mutating func readText() throws(TemplateFailure) {
        let start = position
        let opening = (start..<scalars.count).first(where: isOpening) ?? scalars.count
        let sign = at(opening + 2).flatMap { $0 == "-" || $0 == "+" ? $0 : nil }
        let text = scalars[start..<textEnd(start..<opening, sign)]
        if !text.isEmpty { add(.text(String(String.UnicodeScalarView(text)))) }
        advance(to: opening)
        guard let kind = at(opening + 1) else { return }
        advance(to: opening + (sign == nil ? 2 : 3))
        switch kind {
        case "#": try skipComment()
        case "{": try readTag(.outputStart, .outputEnd, "}}")
        default: try readTag(.tagStart, .tagEnd, "%}")
        }
        startsLine = scalars[position - 1] == "\n"
    }

    /// Where a text ends before a tag, which may take the blanks before it.
    private func textEnd(_ range: Range<Int>, _ sign: Unicode.Scalar?) -> Int {
        let blanks = scalars[range].reversed().prefix(while: \.isPythonBlank).count
        if sign == "-" { return range.upperBound - blanks }
        guard sign == nil, at(range.upperBound + 1) != "{", range.upperBound < scalars.count else {
            return range.upperBound
        }
        let lineStart = scalars[range].lastIndex(of: "\n").map { $0 + 1 } ?? (startsLine ? range.lowerBound : nil)
        guard let lineStart, range.upperBound - blanks <= lineStart else { return range.upperBound }
        return lineStart
    }

    private mutating func skipComment() throws(TemplateFailure) {
        let start = position
        guard let end = (start..<scalars.count).first(where: { scalars[$0] == "#" && at($0 + 1) == "}" }) else {
            throw fail(.unexpected("the end", wanted: "#}"))
        }
        let sign = end > start ? scalars[end - 1] : " "
        advance(to: end + 2)
        skipAfterTag(sign)
    }

    private mutating func skipAfterTag(_ sign: Unicode.Scalar) {
        var end = position
        if sign == "-" {
            while let scalar = at(end), scalar.isPythonBlank { end += 1 }
        } else if sign != "+", at(end) == "\n" {
            end += 1
        }
        advance(to: end)
    }

    private mutating func readTag(
        _ start: TemplateToken.Kind, _ end: TemplateToken.Kind, _ mark: String
    ) throws(TemplateFailure) {
        add(start)
        let first = tokens.count
        var open: [Unicode.Scalar] = []
        while position < scalars.count {
            if open.isEmpty, let sign = closingSign(mark) {
                add(end)
                advance(to: position + (sign == " " ? 2 : 3))
                if mark == "%}" || sign == "-" { skipAfterTag(sign) }
                return
            }
            guard tokens.count - first < Self.tagLimit else { throw fail(.tooLarge("a tag this long")) }
            try readToken(&open)
        }
        throw fail(.unexpected("the end", wanted: mark))
    }

    /// The sign before the mark that ends a tag, a blank for none; nil if no such mark stands here.
    private func closingSign(_ mark: String) -> Unicode.Scalar? {
        if has(mark) { return " " }
        if has("-\(mark)") { return "-" }
        return mark == "%}" && has("+%}") ? "+" : nil
    }

    private mutating func readToken(_ open: inout [Unicode.Scalar]) throws(TemplateFailure) {
        let scalar = scalars[position]
        if scalar.isPythonBlank {
            advance(to: position + 1)
        } else if scalar == "'" || scalar == "\"" {
            let reading = try TemplateLiteral.string(scalars, at: position, line: line)
            add(.string(reading.text))
            advance(to: reading.end)
        } else if ("0"..."9").contains(scalar) {
            try readNumber()
        } else if scalar == "_" || scalar.properties.isXIDStart {
            var end = position
            while let next = at(end), next == "_" || next.properties.isXIDContinue { end += 1 }
            add(.name(String(String.UnicodeScalarView(scalars[position..<end]))))
            advance(to: end)
        } else {
            try readSymbol(&open)
        }
    }

    private mutating func readNumber() throws(TemplateFailure) {
        let followsDot = tokens.last?.kind == .symbol(".")
        let reading = TemplateLiteral.number(scalars, at: position, whole: followsDot)
        guard let kind = reading.kind else { throw fail(.unsupported("a number this large")) }
        add(kind)
        advance(to: reading.end)
    }

    private mutating func readSymbol(_ open: inout [Unicode.Scalar]) throws(TemplateFailure) {
        let symbols = [
            "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<",
            "=", ".", ":", "|", ",",
        ]
        guard let symbol = symbols.first(where: has) else {
            throw fail(.unexpected("\(scalars[position])", wanted: "an expression"))
        }
        let partners: [Unicode.Scalar: Unicode.Scalar] = ["(": ")", "[": "]", "{": "}"]
        if let partner = partners[scalars[position]] {
            open.append(partner)
        } else if partners.values.contains(scalars[position]) {
            guard open.popLast() == scalars[position] else {
                throw fail(.unexpected(symbol, wanted: "its partner"))
            }
        }
        add(.symbol(symbol))
        advance(to: position + symbol.unicodeScalars.count)
    }
}
