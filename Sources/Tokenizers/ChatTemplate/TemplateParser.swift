/// Reads the statements of a chat template.
///
/// The part of Jinja that published chat templates use; anything else is refused by name and line.
// Source: pallets/jinja 3.1.6, src/jinja2/parser.py, and huggingface/transformers 5.23.0, utils/chat_template_utils.py.
struct TemplateParser {
    /// How deep statements nest; published templates need about 6.
    private static let depthLimit = 50
    /// Jinja's other statements.
    private static let unsupported = [
        "macro", "call", "filter", "with", "block", "extends", "include", "import", "from", "do", "raw", "autoescape",
        "trans", "debug",
    ]

    private let tokens: [TemplateToken]
    private var position = 0
    private var depth = 0

    /// - Parameter text: the template
    /// - Returns: its statements
    static func statements(of text: String) throws(TemplateFailure) -> [TemplateStatement] {
        var parser = TemplateParser(tokens: try TemplateLexer.tokens(of: text))
        let (statements, end) = try parser.statements(until: [])
        precondition(end.isEmpty, "a template ends with its text")
        return statements
    }

    private init(tokens: [TemplateToken]) { self.tokens = tokens }

    var current: TemplateToken { tokens[position] }
    var following: TemplateToken { tokens[min(position + 1, tokens.count - 1)] }

    mutating func advance() { if position + 1 < tokens.count { position += 1 } }

    func fail(_ fault: TemplateFault) -> TemplateFailure { TemplateFailure(line: current.line, fault: fault) }

    mutating func take(_ kind: TemplateToken.Kind) -> Bool {
        guard current.kind == kind else { return false }
        advance()
        return true
    }

    mutating func take(_ symbol: String) -> Bool { take(.symbol(symbol)) }

    mutating func expect(_ kind: TemplateToken.Kind) throws(TemplateFailure) {
        guard !take(kind) else { return }
        throw fail(.unexpected("\(current)", wanted: "\(TemplateToken(kind: kind, line: 0))"))
    }

    mutating func expectName() throws(TemplateFailure) -> String {
        guard case .name(let name) = current.kind else { throw fail(.unexpected("\(current)", wanted: "a name")) }
        advance()
        return name
    }

    /// The statements up to a tag with one of these names, or up to the end of the text if there are none.
    ///
    /// - Returns: the statements, and the tag's name, which is taken; empty at the end
    private mutating func statements(until names: [String]) throws(TemplateFailure) -> (
        [TemplateStatement], end: String
    ) {
        guard depth < Self.depthLimit else { throw fail(.tooLarge("statements nested this deep")) }
        depth += 1
        defer { depth -= 1 }
        var statements: [TemplateStatement] = []
        while true {
            switch current.kind {
            case .text(let text):
                advance()
                statements.append(.text(text))
            case .outputStart:
                advance()
                statements.append(.output(try tuple()))
                try expect(.outputEnd)
            case .tagStart:
                advance()
                let name = try expectName()
                if names.contains(name) { return (statements, name) }
                if let statement = try statement(name, until: names) { statements.append(statement) }
            default:
                guard names.isEmpty else {
                    throw fail(.unexpected("\(current)", wanted: names.joined(separator: " or ")))
                }
                return (statements, "")
            }
        }
    }

    private mutating func statement(_ name: String, until names: [String]) throws(TemplateFailure) -> TemplateStatement?
    {
        switch name {
        case "if": return try choice()
        case "for": return try loop()
        case "set": return try assignment()
        case "generation":
            try expect(.tagEnd)
            let (body, _) = try statements(until: ["endgeneration"])
            try expect(.tagEnd)
            return .scope(body)
        case "break", "continue":
            try expect(.tagEnd)
            return name == "break" ? .leave : .skip
        case _ where Self.unsupported.contains(name): throw fail(.unsupported("{% \(name) %}"))
        default:
            let wanted = names.isEmpty ? "a statement" : names.joined(separator: " or ")
            throw fail(.unexpected(name, wanted: wanted))
        }
    }

    private mutating func choice() throws(TemplateFailure) -> TemplateStatement {
        var branches: [(condition: TemplateExpression?, body: [TemplateStatement])] = []
        var condition: TemplateExpression? = try tuple()
        while true {
            try expect(.tagEnd)
            let names = condition == nil ? ["endif"] : ["elif", "else", "endif"]
            let (body, end) = try statements(until: names)
            branches.append((condition, body))
            switch end {
            case "elif": condition = try tuple()
            case "else": condition = nil
            default:
                try expect(.tagEnd)
                return .choice(branches)
            }
        }
    }

    private mutating func loop() throws(TemplateFailure) -> TemplateStatement {
        var names = [try expectName()]
        while take(",") { names.append(try expectName()) }
        try expect(.name("in"))
        // A condition here is the loop's, not the expression's.
        let items = try disjunction()
        let filter = take(.name("if")) ? try expression() : nil
        if current.kind == .name("recursive") { throw fail(.unsupported("a recursive loop")) }
        try expect(.tagEnd)
        let (body, end) = try statements(until: ["else", "endfor"])
        var otherwise: [TemplateStatement] = []
        if end == "else" {
            try expect(.tagEnd)
            otherwise = try statements(until: ["endfor"]).0
        }
        try expect(.tagEnd)
        return .loop(TemplateLoop(names: names, items: items, filter: filter, body: body, otherwise: otherwise))
    }

    private mutating func assignment() throws(TemplateFailure) -> TemplateStatement {
        let line = current.line
        let name = try expectName()
        if take(".") {
            let member = try expectName()
            try expect(.symbol("="))
            let value = try tuple()
            try expect(.tagEnd)
            return .memberAssignment(namespace: name, member, value, line: line)
        }
        if take("=") {
            let value = try tuple()
            try expect(.tagEnd)
            return .assignment(name, value)
        }
        guard current.kind == .tagEnd else { throw fail(.unsupported("\(current) in {% set %}")) }
        advance()
        let (body, _) = try statements(until: ["endset"])
        try expect(.tagEnd)
        return .capture(name, body)
    }
}
