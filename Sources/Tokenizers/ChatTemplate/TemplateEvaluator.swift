/// Runs a chat template.
///
/// What it computes is bounded: by a budget of steps, in which text and items count too, and by how deep values nest.
struct TemplateEvaluator {
    /// How a list of statements ended.
    private enum Ending {
        case normal, leave, skip
    }

    /// Steps for one rendering; published templates need a few thousand.
    private static let budget = 2_000_000
    /// Bytes of text or items of a list that cost a step.
    static let bytesPerStep = 16
    /// How deep lists and maps nest; what is given to a template nests less.
    static let valueDepthLimit = 40

    /// Names and their values, the innermost scope last.
    private var scopes: [[String: TemplateValue]]
    var namespaces: [[TemplateValue.Member]] = []
    private var output = ""
    private var steps = Self.budget
    /// Where the statement or expression that is being evaluated stands.
    private var line = 1

    /// - Parameters:
    ///   - statements: the template
    ///   - variables: what it is given
    /// - Returns: what it prints
    static func render(_ statements: [TemplateStatement], _ variables: [String: TemplateValue])
        throws(TemplateFailure) -> String
    {
        var evaluator = TemplateEvaluator(scopes: [variables])
        do {
            _ = try evaluator.run(statements)
        } catch {
            throw TemplateFailure(line: evaluator.line, fault: error)
        }
        return evaluator.output
    }

    private init(scopes: [[String: TemplateValue]]) { self.scopes = scopes }

    /// Takes steps from the budget.
    mutating func spend(_ count: Int = 1) throws(TemplateFault) {
        steps -= count
        if steps < 0 { throw .exhausted }
    }

    /// A new text, which is paid for.
    mutating func made(_ text: String) throws(TemplateFault) -> TemplateValue {
        try spend(text.utf8.count / Self.bytesPerStep)
        return .string(text)
    }

    /// A new list, which is paid for.
    mutating func made(_ items: [TemplateValue]) throws(TemplateFault) -> TemplateValue {
        let list = TemplateValue.list(items)
        try spend(list.count(depth: Self.valueDepthLimit))
        return list
    }

    /// A new map, which is paid for.
    mutating func made(_ members: [TemplateValue.Member]) throws(TemplateFault) -> TemplateValue {
        let map = TemplateValue.map(members)
        try spend(map.count(depth: Self.valueDepthLimit))
        return map
    }

    func value(of name: String) -> TemplateValue {
        for scope in scopes.reversed() { if let value = scope[name] { return value } }
        return .undefined(name)
    }

    private mutating func assign(_ name: String, _ value: TemplateValue) { scopes[scopes.count - 1][name] = value }

    private mutating func print(_ text: String) throws(TemplateFault) {
        try spend(1 + text.utf8.count / Self.bytesPerStep)
        output += text
    }

    private mutating func run(_ statements: [TemplateStatement]) throws(TemplateFault) -> Ending {
        for statement in statements {
            let ending = try run(statement)
            if ending != .normal { return ending }
        }
        return .normal
    }

    private mutating func run(_ statement: TemplateStatement) throws(TemplateFault) -> Ending {
        try spend()
        switch statement {
        case .text(let text): try print(text)
        case .output(let expression): try print(evaluate(expression).text)
        case .choice(let branches):
            for branch in branches {
                if let condition = branch.condition, try !evaluate(condition).isTrue { continue }
                return try run(branch.body)
            }
        case .loop(let loop): return try run(loop)
        case .assignment(let name, let expression): assign(name, try evaluate(expression))
        case .memberAssignment(let name, let member, let expression, let line):
            let value = try evaluate(expression)
            self.line = line
            guard case .namespace(let number) = self.value(of: name) else {
                throw .operands("\(name) is no namespace, so \(name).\(member) cannot be set")
            }
            try spend(namespaces[number].count / 16)
            namespaces[number][member] = value
        case .capture(let name, let body):
            let outer = output
            output = ""
            _ = try inScope(body)
            let captured = output
            output = outer
            assign(name, try made(captured))
        case .scope(let body): return try inScope(body)
        case .leave: return .leave
        case .skip: return .skip
        }
        return .normal
    }

    private mutating func inScope(_ body: [TemplateStatement], _ names: [String: TemplateValue] = [:])
        throws(TemplateFault) -> Ending
    {
        scopes.append(names)
        let ending = try run(body)
        scopes.removeLast()
        return ending
    }

    private mutating func run(_ loop: TemplateLoop) throws(TemplateFault) -> Ending {
        var items = try self.items(of: evaluate(loop.items))
        if let filter = loop.filter {
            var kept: [TemplateValue] = []
            for item in items {
                scopes.append(try unpacked(item, loop.names))
                if try evaluate(filter).isTrue { kept.append(item) }
                scopes.removeLast()
            }
            items = kept
        }
        var isComplete = false
        for (index, item) in items.enumerated() {
            var names = try unpacked(item, loop.names)
            names["loop"] = Self.state(index, items)
            let ending = try inScope(loop.body, names)
            if ending == .leave { break }
            if ending == .normal { isComplete = true }
        }
        return isComplete ? .normal : try inScope(loop.otherwise)
    }

    private func unpacked(_ item: TemplateValue, _ names: [String]) throws(TemplateFault) -> [String: TemplateValue] {
        if names.count == 1 { return [names[0]: item] }
        guard case .list(let values) = item, values.count == names.count else {
            throw .operands("\(item.kind) cannot be unpacked to \(names.count) names")
        }
        return Dictionary(zip(names, values)) { $1 }
    }

    /// `loop`.
    private static func state(_ index: Int, _ items: [TemplateValue]) -> TemplateValue {
        let (count, last) = (items.count, items.count - 1)
        return .map([
            .init("index", .integer(index + 1)), .init("index0", .integer(index)),
            .init("revindex", .integer(count - index)), .init("revindex0", .integer(last - index)),
            .init("first", .bool(index == 0)), .init("last", .bool(index == last)), .init("length", .integer(count)),
            .init("previtem", index > 0 ? items[index - 1] : .undefined("loop.previtem")),
            .init("nextitem", index < last ? items[index + 1] : .undefined("loop.nextitem")),
        ])
    }

    /// Notes where what is evaluated stands.
    mutating func note(_ line: Int) { self.line = line }
}
