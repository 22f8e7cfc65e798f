extension TemplateEvaluator {
    /// `left symbol right`.
    mutating func arithmetic(_ symbol: String, _ left: TemplateValue, _ right: TemplateValue) throws(TemplateFault)
        -> TemplateValue
    {
        if case .undefined(let name) = left, symbol != "~" { throw .undefined(name) }
        if case .undefined(let name) = right, symbol != "~" { throw .undefined(name) }
        if symbol == "~" { return try made(left.text + right.text) }
        if symbol == "+" {
            if case .string(let one) = left, case .string(let other) = right { return try made(one + other) }
            if case .list(let one) = left, case .list(let other) = right { return try made(one + other) }
        }
        if symbol == "*", case .string(let text) = left, let count = right.integer { return try repeated(text, count) }
        if let one = left.integer, let other = right.integer, symbol != "/" {
            return .integer(try whole(symbol, one, other))
        }
        guard let one = left.double, let other = right.double else {
            throw .operands("\(left.kind) and \(right.kind) cannot be put together by \(symbol)")
        }
        switch symbol {
        case "+": return .number(one + other)
        case "-": return .number(one - other)
        case "*": return .number(one * other)
        case "/" where other != 0: return .number(one / other)
        default: throw .unsupported("\(one) \(symbol) \(other)")
        }
    }

    private mutating func repeated(_ text: String, _ count: Int) throws(TemplateFault) -> TemplateValue {
        let (bytes, overflow) = text.utf8.count.multipliedReportingOverflow(by: max(count, 0))
        if overflow { throw .exhausted }
        try spend(bytes / Self.bytesPerStep)
        return .string(String(repeating: text, count: max(count, 0)))
    }

    /// Python's whole numbers: division rounds down, and the rest has the divisor's sign.
    private func whole(_ symbol: String, _ one: Int, _ other: Int) throws(TemplateFault) -> Int {
        let result: (partialValue: Int, overflow: Bool)
        switch symbol {
        case "+": result = one.addingReportingOverflow(other)
        case "-": result = one.subtractingReportingOverflow(other)
        case "*": result = one.multipliedReportingOverflow(by: other)
        case "//", "%":
            if other == 0 { throw .operands("a number is divided by 0") }
            if other == -1 { return symbol == "%" ? 0 : try whole("-", 0, one) }
            let rest = one % other
            let isDown = rest != 0 && (rest < 0) != (other < 0)
            return symbol == "%" ? (isDown ? rest + other : rest) : one / other - (isDown ? 1 : 0)
        default: throw .unsupported("\(one) \(symbol) \(other)")
        }
        if result.overflow { throw .unsupported("a number this large") }
        return result.partialValue
    }
}
