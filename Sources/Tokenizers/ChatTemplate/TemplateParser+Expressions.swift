extension TemplateParser {
    /// One expression, or several with commas between, which are a list then.
    mutating func tuple() throws(TemplateFailure) -> TemplateExpression {
        let line = current.line
        let first = try expression()
        guard current.kind == .symbol(",") else { return first }
        var items = [first]
        while take(","), !isAtEnd { items.append(try expression()) }
        return TemplateExpression(kind: .list(items), line: line)
    }

    private var isAtEnd: Bool {
        current.kind == .tagEnd || current.kind == .outputEnd || current.kind == .symbol(")")
    }

    /// A value, or one of two by a condition.
    mutating func expression() throws(TemplateFailure) -> TemplateExpression {
        var result = try disjunction()
        while current.kind == .name("if") {
            let line = current.line
            advance()
            let condition = try disjunction()
            let other = take(.name("else")) ? try expression() : nil
            result = TemplateExpression(kind: .conditional(result, if: condition, else: other), line: line)
        }
        return result
    }

    /// Expressions joined by `or`.
    mutating func disjunction() throws(TemplateFailure) -> TemplateExpression {
        var left = try conjunction()
        while take(.name("or")) {
            left = TemplateExpression(kind: .or(left, try conjunction()), line: left.line)
        }
        return left
    }

    private mutating func conjunction() throws(TemplateFailure) -> TemplateExpression {
        var left = try negation()
        while take(.name("and")) { left = TemplateExpression(kind: .and(left, try negation()), line: left.line) }
        return left
    }

    private mutating func negation() throws(TemplateFailure) -> TemplateExpression {
        let line = current.line
        guard take(.name("not")) else { return try comparison() }
        return TemplateExpression(kind: .not(try negation()), line: line)
    }

    private mutating func comparison() throws(TemplateFailure) -> TemplateExpression {
        let first = try sum()
        var rest: [(operation: String, operand: TemplateExpression)] = []
        while let operation = comparisonOperation() { rest.append((operation, try sum())) }
        return rest.isEmpty ? first : TemplateExpression(kind: .comparison(first, rest), line: first.line)
    }

    private mutating func comparisonOperation() -> String? {
        switch current.kind {
        case .symbol(let symbol) where ["==", "!=", "<", "<=", ">", ">="].contains(symbol):
            advance()
            return symbol
        case .name("in"):
            advance()
            return "in"
        case .name("not") where following.kind == .name("in"):
            advance()
            advance()
            return "not in"
        default: return nil
        }
    }

    private mutating func sum() throws(TemplateFailure) -> TemplateExpression {
        try arithmetic(["+", "-"]) { parser throws(TemplateFailure) in
            try parser.arithmetic(["~"]) { parser throws(TemplateFailure) in
                try parser.arithmetic(["*", "/", "//", "%"]) { parser throws(TemplateFailure) in
                    try parser.arithmetic(["**"]) { parser throws(TemplateFailure) in try parser.unary() }
                }
            }
        }
    }

    /// Operations of one rank, the left one first.
    private mutating func arithmetic(
        _ symbols: [String], _ operand: (inout TemplateParser) throws(TemplateFailure) -> TemplateExpression
    ) throws(TemplateFailure) -> TemplateExpression {
        var left = try operand(&self)
        while case .symbol(let symbol) = current.kind, symbols.contains(symbol) {
            advance()
            left = TemplateExpression(kind: .arithmetic(symbol, left, try operand(&self)), line: left.line)
        }
        return left
    }
}
