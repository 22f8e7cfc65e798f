/// Writes values as Python's `json.dumps` does, with everything beyond ASCII as it is.
enum TemplateJSON {
    /// - Parameters:
    ///   - value: any value
    ///   - indent: blanks for each level, nil for one line
    /// - Returns: the text
    static func text(_ value: TemplateValue, indent: Int? = nil) throws(TemplateFault) -> String {
        guard (0...16).contains(indent ?? 0) else { throw .unsupported("tojson with this indent") }
        var text = ""
        try write(value, indent, level: 0, into: &text)
        return text
    }

    private static func write(_ value: TemplateValue, _ indent: Int?, level: Int, into text: inout String)
        throws(TemplateFault)
    {
        switch value {
        case .null: text += "null"
        case .bool(let bool): text += bool ? "true" : "false"
        case .integer(let number): text += "\(number)"
        case .number(let number) where number.isFinite: text += "\(number)"
        case .number(let number): text += number.isNaN ? "NaN" : number < 0 ? "-Infinity" : "Infinity"
        case .string(let string): write(string, into: &text)
        case .list(let items):
            try write(items, "[", "]", indent, level, into: &text) { item, text throws(TemplateFault) in
                try write(item, indent, level: level + 1, into: &text)
            }
        case .map(let members):
            try write(members, "{", "}", indent, level, into: &text) { member, text throws(TemplateFault) in
                write(member.key, into: &text)
                text += ": "
                try write(member.value, indent, level: level + 1, into: &text)
            }
        case .undefined, .namespace: throw .operands("\(value.kind) cannot be written as JSON")
        }
    }

    private static func write<Element>(
        _ items: [Element], _ open: String, _ close: String, _ indent: Int?, _ level: Int, into text: inout String,
        _ body: (Element, inout String) throws(TemplateFault) -> Void
    ) throws(TemplateFault) {
        func lineBreak(_ level: Int) -> String { indent.map { "\n" + String(repeating: " ", count: $0 * level) } ?? "" }
        text += open
        for (index, item) in items.enumerated() {
            if index > 0 { text += indent == nil ? ", " : "," }
            text += lineBreak(level + 1)
            try body(item, &text)
        }
        if !items.isEmpty { text += lineBreak(level) }
        text += close
    }

    private static func write(_ string: String, into text: inout String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "\u{8}": text += "\\b"
            case "\u{C}": text += "\\f"
            case "\0"..<" ":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
