extension TemplateEvaluator {
    mutating func evaluate(_ expression: TemplateExpression) throws(TemplateFault) -> TemplateValue {
        try spend()
        note(expression.line)
        switch expression.kind {
        case .value(let value): return value
        case .name(let name): return value(of: name)
        case .list(let items): return try made(evaluate(items))
        case .map(let members): return try made(evaluate(members))
        case .member(let object, let name):
            let object = try evaluate(object)
            return try member(name, of: object)
        case .item(let object, let index):
            let object = try evaluate(object)
            let index = try evaluate(index)
            return try item(index, of: object)
        case .slice(let object, let bounds): return try slice(evaluate(object), bounds)
        case .call(let callee, let arguments): return try call(callee, arguments)
        case .filter(let value, let name, let arguments):
            let value = try evaluate(value)
            return try filter(name, value, evaluate(arguments))
        case .test(let value, let name, let arguments):
            let value = try evaluate(value)
            return .bool(try test(name, value, evaluate(arguments).values))
        case .not(let value): return .bool(try !evaluate(value).isTrue)
        case .negative(let value): return try arithmetic("-", .integer(0), evaluate(value))
        case .and(let left, let right):
            let value = try evaluate(left)
            return value.isTrue ? try evaluate(right) : value
        case .or(let left, let right):
            let value = try evaluate(left)
            return value.isTrue ? value : try evaluate(right)
        case .comparison(let first, let rest): return .bool(try compare(first, rest))
        case .arithmetic(let symbol, let left, let right):
            let left = try evaluate(left)
            return try arithmetic(symbol, left, evaluate(right))
        case .conditional(let value, let condition, let other):
            if try evaluate(condition).isTrue { return try evaluate(value) }
            guard let other else { return .undefined("an expression without else") }
            return try evaluate(other)
        }
    }

    private mutating func evaluate(_ expressions: [TemplateExpression]) throws(TemplateFault) -> [TemplateValue] {
        var values: [TemplateValue] = []
        for expression in expressions { values.append(try evaluate(expression)) }
        return values
    }

    private mutating func evaluate(_ members: [(key: TemplateExpression, value: TemplateExpression)])
        throws(TemplateFault) -> [TemplateValue.Member]
    {
        var result: [TemplateValue.Member] = []
        for member in members {
            guard case .string(let key) = try evaluate(member.key) else {
                throw .unsupported("a key that is no string")
            }
            result[key] = try evaluate(member.value)
        }
        return result
    }

    private mutating func evaluate(_ arguments: TemplateArguments) throws(TemplateFault) -> TemplateCall {
        var call = TemplateCall(values: try evaluate(arguments.values))
        for argument in arguments.named { call.named[argument.name] = try evaluate(argument.value) }
        return call
    }

    /// `object.name`.
    mutating func member(_ name: String, of object: TemplateValue) throws(TemplateFault) -> TemplateValue {
        switch object {
        case .map(let members):
            try spend(members.count / 16)
            return members[name] ?? .undefined(name)
        case .namespace(let number):
            try spend(namespaces[number].count / 16)
            return namespaces[number][name] ?? .undefined(name)
        case .undefined(let object): throw .undefined(object)
        default: return .undefined(name)
        }
    }

    /// `object[index]`.
    private mutating func item(_ index: TemplateValue, of object: TemplateValue) throws(TemplateFault) -> TemplateValue
    {
        if case .string(let name) = index { return try member(name, of: object) }
        if case .undefined(let name) = object { throw .undefined(name) }
        guard let index = index.integer else { return .undefined("an item") }
        switch object {
        case .list(let items):
            let place = index < 0 ? index + items.count : index
            return items.indices.contains(place) ? items[place] : .undefined("item \(index)")
        case .string(let text):
            try spend(cost(object))
            let scalars = Array(text.unicodeScalars)
            let place = index < 0 ? index + scalars.count : index
            return scalars.indices.contains(place) ? .string(String(scalars[place])) : .undefined("item \(index)")
        default: return .undefined("item \(index)")
        }
    }

    private mutating func slice(_ object: TemplateValue, _ bounds: [TemplateExpression?]) throws(TemplateFault)
        -> TemplateValue
    {
        var numbers: [Int?] = []
        for bound in bounds {
            var value = TemplateValue.null
            if let bound { value = try evaluate(bound) }
            if case .null = value {
                numbers.append(nil)
            } else if let number = value.integer {
                numbers.append(number)
            } else {
                throw .operands("\(value.kind) cannot bound a slice")
            }
        }
        let slice = PythonSlice(from: numbers[0], to: numbers[1], step: numbers.count > 2 ? numbers[2] ?? 1 : 1)
        switch object {
        case .list(let items): return try made(slice.indices(of: items.count).map { items[$0] })
        case .string(let text):
            let scalars = Array(text.unicodeScalars)
            try spend(cost(object))
            return try made(String(String.UnicodeScalarView(slice.indices(of: scalars.count).map { scalars[$0] })))
        case .undefined(let name): throw .undefined(name)
        default: throw .operands("\(object.kind) cannot be sliced")
        }
    }

    private mutating func compare(
        _ first: TemplateExpression, _ rest: [(operation: String, operand: TemplateExpression)]
    ) throws(TemplateFault) -> Bool {
        var left = try evaluate(first)
        for (operation, operand) in rest {
            let right = try evaluate(operand)
            guard try holds(operation, left, right) else { return false }
            left = right
        }
        return true
    }

    mutating func holds(_ operation: String, _ left: TemplateValue, _ right: TemplateValue) throws(TemplateFault)
        -> Bool
    {
        try spend(cost(left) + cost(right))
        switch operation {
        case "==": return left.equals(right)
        case "!=": return !left.equals(right)
        case "in": return try contains(right, left)
        case "not in": return try !contains(right, left)
        default: break
        }
        let isLess: Bool, isEqual: Bool
        if let one = left.double, let other = right.double {
            (isLess, isEqual) = (one < other, one == other)
        } else if case .string(let one) = left, case .string(let other) = right {
            isLess = one.unicodeScalars.lexicographicallyPrecedes(other.unicodeScalars)
            isEqual = left.equals(right)
        } else {
            throw .operands("\(left.kind) and \(right.kind) have no order")
        }
        switch operation {
        case "<": return isLess
        case "<=": return isLess || isEqual
        case ">": return !isLess && !isEqual
        default: return !isLess
        }
    }

    private mutating func contains(_ container: TemplateValue, _ value: TemplateValue) throws(TemplateFault) -> Bool {
        switch (container, value) {
        case (.string(let text), .string(let part)):
            try spend(text.utf8.count * part.utf8.count / 1024)
            return PythonText.contains(text, part)
        case (.list(let items), _): return items.contains { $0.equals(value) }
        case (.map(let members), .string(let key)): return members[key] != nil
        case (.map, _), (.undefined, _): return false
        default: throw .operands("\(value.kind) cannot be looked for in \(container.kind)")
        }
    }

    /// What it costs to look at the whole of a value.
    func cost(_ value: TemplateValue) throws(TemplateFault) -> Int {
        switch value {
        case .string(let text): text.utf8.count / Self.bytesPerStep
        case .list: try value.count(depth: Self.valueDepthLimit)
        // Each key is looked for among the other map's.
        case .map(let members): try value.count(depth: Self.valueDepthLimit) + members.count * members.count / 16
        default: 0
        }
    }
}
