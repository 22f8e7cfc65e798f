/// A piece of a chat template's text.
struct TemplateToken: Equatable {
    enum Kind: Equatable {
        /// What stands between tags.
        case text(String)
        /// `{{` and `}}`.
        case outputStart, outputEnd
        /// `{%` and `%}`.
        case tagStart, tagEnd
        case name(String)
        case string(String)
        case integer(Int)
        case number(Double)
        /// An operator or a bracket.
        case symbol(String)
        case end
    }

    let kind: Kind
    let line: Int
}

extension TemplateToken: CustomStringConvertible {
    var description: String {
        switch kind {
        case .text: "text"
        case .outputStart: "{{"
        case .outputEnd: "}}"
        case .tagStart: "{%"
        case .tagEnd: "%}"
        case .name(let name): name
        case .string(let text): "'\(text)'"
        case .integer(let number): "\(number)"
        case .number(let number): "\(number)"
        case .symbol(let symbol): symbol
        case .end: "the end"
        }
    }
}
