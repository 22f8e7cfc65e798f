extension TemplateParser {
    /// A value with a sign before it, and what may follow it.
    mutating func unary(filtered: Bool = true) throws(TemplateFailure) -> TemplateExpression {
        let line = current.line
        var result: TemplateExpression
        if take("-") {
            result = TemplateExpression(kind: .negative(try unary(filtered: false)), line: line)
        } else if take("+") {
            result = try unary(filtered: false)
        } else {
            result = try primary()
        }
        result = try postfixed(result)
        return filtered ? try refined(result) : result
    }

    /// A value with members, items and calls after it.
    private mutating func postfixed(_ value: TemplateExpression) throws(TemplateFailure) -> TemplateExpression {
        var result = value
        while true {
            let line = current.line
            if take(".") {
                if case .integer(let index) = current.kind {
                    advance()
                    let index = TemplateExpression(kind: .value(.integer(index)), line: line)
                    result = TemplateExpression(kind: .item(result, index), line: line)
                } else {
                    result = TemplateExpression(kind: .member(result, try expectName()), line: line)
                }
            } else if take("[") {
                result = try subscripted(result, line)
            } else if current.kind == .symbol("(") {
                result = TemplateExpression(kind: .call(result, try arguments()), line: line)
            } else {
                return result
            }
        }
    }

    private mutating func subscripted(_ value: TemplateExpression, _ line: Int) throws(TemplateFailure)
        -> TemplateExpression
    {
        var bounds: [TemplateExpression?] = []
        var isSlice = false
        repeat {
            let isEmpty = current.kind == .symbol(":") || current.kind == .symbol("]")
            bounds.append(isEmpty ? nil : try expression())
            if current.kind == .symbol(":") { isSlice = true }
        } while bounds.count < 3 && take(":")
        try expect(.symbol("]"))
        if isSlice { return TemplateExpression(kind: .slice(value, bounds), line: line) }
        guard let index = bounds[0] else { throw fail(.unexpected("]", wanted: "an index")) }
        return TemplateExpression(kind: .item(value, index), line: line)
    }

    /// A value with filters and tests after it.
    private mutating func refined(_ value: TemplateExpression) throws(TemplateFailure) -> TemplateExpression {
        var result = value
        while true {
            let line = current.line
            if take("|") {
                let name = try expectName()
                let arguments = current.kind == .symbol("(") ? try arguments() : TemplateArguments()
                result = TemplateExpression(kind: .filter(result, name, arguments), line: line)
            } else if take(.name("is")) {
                result = try tested(result, line)
            } else {
                return result
            }
        }
    }

    private mutating func tested(_ value: TemplateExpression, _ line: Int) throws(TemplateFailure) -> TemplateExpression
    {
        let isNegated = take(.name("not"))
        let name = try expectName()
        var given = TemplateArguments()
        switch current.kind {
        case .symbol("("): given = try arguments()
        case .name("else"), .name("or"), .name("and"): break
        case .name("is"): throw fail(.unexpected("is", wanted: "the end of a test"))
        case .name, .string, .integer, .number, .symbol("["), .symbol("{"): given.values = [try postfixed(primary())]
        default: break
        }
        let test = TemplateExpression(kind: .test(value, name, given), line: line)
        return isNegated ? TemplateExpression(kind: .not(test), line: line) : test
    }

    private mutating func arguments() throws(TemplateFailure) -> TemplateArguments {
        try expect(.symbol("("))
        var result = TemplateArguments()
        while !take(")") {
            if !(result.values.isEmpty && result.named.isEmpty) {
                try expect(.symbol(","))
                if take(")") { break }
            }
            if case .name(let name) = current.kind, following.kind == .symbol("=") {
                advance()
                advance()
                result.named.append((name, try expression()))
            } else if current.kind == .symbol("*") || current.kind == .symbol("**") {
                throw fail(.unsupported("\(current) in a call"))
            } else {
                guard result.named.isEmpty else { throw fail(.unexpected("\(current)", wanted: "a named argument")) }
                result.values.append(try expression())
            }
        }
        return result
    }

    private mutating func primary() throws(TemplateFailure) -> TemplateExpression {
        let line = current.line
        let kind: TemplateExpression.Kind
        switch current.kind {
        case .name(let name):
            advance()
            kind = Self.constant(name).map { .value($0) } ?? .name(name)
        case .string: kind = .value(.string(joinedStrings()))
        case .integer(let number):
            advance()
            kind = .value(.integer(number))
        case .number(let number):
            advance()
            kind = .value(.number(number))
        case .symbol("("):
            advance()
            if take(")") { return TemplateExpression(kind: .list([]), line: line) }
            let inner = try tuple()
            try expect(.symbol(")"))
            return inner
        case .symbol("["): kind = .list(try listItems())
        case .symbol("{"): kind = .map(try mapMembers())
        default: throw fail(.unexpected("\(current)", wanted: "an expression"))
        }
        return TemplateExpression(kind: kind, line: line)
    }

    private static func constant(_ name: String) -> TemplateValue? {
        switch name {
        case "true", "True": .bool(true)
        case "false", "False": .bool(false)
        case "none", "None": .null
        default: nil
        }
    }

    /// Strings that follow each other are one.
    private mutating func joinedStrings() -> String {
        var text = ""
        while case .string(let part) = current.kind {
            text += part
            advance()
        }
        return text
    }

    private mutating func listItems() throws(TemplateFailure) -> [TemplateExpression] {
        try expect(.symbol("["))
        var items: [TemplateExpression] = []
        while !take("]") {
            if !items.isEmpty {
                try expect(.symbol(","))
                if take("]") { break }
            }
            items.append(try expression())
        }
        return items
    }

    private mutating func mapMembers() throws(TemplateFailure) -> [(key: TemplateExpression, value: TemplateExpression)]
    {
        try expect(.symbol("{"))
        var members: [(key: TemplateExpression, value: TemplateExpression)] = []
        while !take("}") {
            if !members.isEmpty {
                try expect(.symbol(","))
                if take("}") { break }
            }
            let key = try expression()
            try expect(.symbol(":"))
            members.append((key, try expression()))
        }
        return members
    }
}
