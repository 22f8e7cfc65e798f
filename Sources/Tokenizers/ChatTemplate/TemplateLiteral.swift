/// Reads the strings and numbers of a template's expressions.
// Source: pallets/jinja 3.1.6, src/jinja2/lexer.py, `Lexer.wrap`: strings have Python's escapes.
enum TemplateLiteral {
    private static let escapes: [Unicode.Scalar: Unicode.Scalar] = [
        "n": "\n", "t": "\t", "r": "\r", "a": "\u{7}", "b": "\u{8}", "f": "\u{C}", "v": "\u{B}", "\\": "\\", "'": "'",
        "\"": "\"",
    ]
    private static let digits: [Unicode.Scalar: Int] = ["x": 2, "u": 4, "U": 8]

    /// - Parameters:
    ///   - scalars: the template
    ///   - start: where the quotation mark stands
    ///   - line: the line there, for errors
    /// - Returns: what the string says, and the place after it
    static func string(_ scalars: [Unicode.Scalar], at start: Int, line: Int) throws(TemplateFailure)
        -> (text: String, end: Int)
    {
        var text = String.UnicodeScalarView()
        var position = start + 1
        while position < scalars.count {
            let scalar = scalars[position]
            position += 1
            if scalar == scalars[start] { return (String(text), position) }
            guard scalar == "\\", position < scalars.count else {
                text.append(scalar)
                continue
            }
            try unescape(scalars, &position, &text, line)
        }
        throw TemplateFailure(line: line, fault: .unexpected("the end", wanted: "\(scalars[start])"))
    }

    /// Reads what follows a backslash.
    private static func unescape(
        _ scalars: [Unicode.Scalar], _ position: inout Int, _ text: inout String.UnicodeScalarView, _ line: Int
    ) throws(TemplateFailure) {
        let kind = scalars[position]
        position += 1
        if let plain = escapes[kind] {
            text.append(plain)
        } else if kind == "\n" {
            return
        } else if let count = digits[kind] {
            let code = String(String.UnicodeScalarView(scalars[position...].prefix(count)))
            guard code.unicodeScalars.count == count, let scalar = UInt32(code, radix: 16).flatMap(Unicode.Scalar.init)
            else { throw TemplateFailure(line: line, fault: .unsupported("the escape \\\(kind)\(code)")) }
            text.append(scalar)
            position += count
        } else if ("0"..."7").contains(kind) || kind == "N" {
            throw TemplateFailure(line: line, fault: .unsupported("the escape \\\(kind)"))
        } else {
            text.append("\\")
            text.append(kind)
        }
    }

    /// - Parameters:
    ///   - scalars: the template
    ///   - start: where the first digit stands
    ///   - isWhole: whether a dot after the digits is not the number's
    /// - Returns: the number, nil if it is too large, and the place after it
    static func number(_ scalars: [Unicode.Scalar], at start: Int, whole isWhole: Bool)
        -> (kind: TemplateToken.Kind?, end: Int)
    {
        func isDigit(_ index: Int) -> Bool { index < scalars.count && ("0"..."9").contains(scalars[index]) }
        var end = start
        while isDigit(end) { end += 1 }
        let isFraction = !isWhole && end < scalars.count && scalars[end] == "." && isDigit(end + 1)
        if isFraction {
            end += 1
            while isDigit(end) { end += 1 }
        }
        let text = String(String.UnicodeScalarView(scalars[start..<end]))
        return (isFraction ? Double(text).map { .number($0) } : Int(text).map { .integer($0) }, end)
    }
}
