extension TemplateEvaluator {
    /// `value is name(…)`.
    // Source: pallets/jinja 3.1.6, src/jinja2/tests.py.
    mutating func test(_ name: String, _ value: TemplateValue, _ arguments: [TemplateValue]) throws(TemplateFault)
        -> Bool
    {
        if let holds = plainTest(name, value) { return holds }
        let comparisons = [
            "==": "==", "eq": "==", "equalto": "==", "!=": "!=", "ne": "!=", "in": "in", "<": "<", "lt": "<",
            "lessthan": "<", "<=": "<=", "le": "<=", ">": ">", "gt": ">", "greaterthan": ">", ">=": ">=", "ge": ">=",
        ]
        if let operation = comparisons[name] {
            guard let other = arguments.first else { throw .operands("the test \(name) takes an argument") }
            return try holds(operation, value, other)
        }
        guard ["odd", "even", "divisibleby"].contains(name) else { throw .unsupported("the test \(name)") }
        let divisor = name == "divisibleby" ? arguments.first ?? .null : .integer(2)
        let rest = try arithmetic("%", value, divisor)
        return rest.equals(.integer(name == "odd" ? 1 : 0))
    }

    /// A test of a value alone; nil if there is none of this name.
    private func plainTest(_ name: String, _ value: TemplateValue) -> Bool? {
        switch (name, value) {
        case ("defined", .undefined): false
        case ("defined", _): true
        case ("undefined", .undefined), ("none", .null), ("string", .string), ("mapping", .map), ("boolean", .bool):
            true
        case ("true", .bool(let bool)): bool
        case ("false", .bool(let bool)): !bool
        case ("integer", .integer), ("float", .number): true
        case ("number", .integer), ("number", .number), ("number", .bool): true
        case ("iterable", .string), ("iterable", .list), ("iterable", .map), ("iterable", .undefined): true
        case ("sequence", .string), ("sequence", .list), ("sequence", .map), ("sequence", .undefined): true
        case ("undefined", _), ("none", _), ("string", _), ("mapping", _), ("boolean", _), ("true", _), ("false", _),
            ("integer", _), ("float", _), ("number", _), ("iterable", _), ("sequence", _):
            false
        default: nil
        }
    }
}
