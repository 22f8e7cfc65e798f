extension TemplateEvaluator {
    /// `value | name(…)`.
    // Source: pallets/jinja 3.1.6, src/jinja2/filters.py.
    mutating func filter(_ name: String, _ value: TemplateValue, _ call: TemplateCall) throws(TemplateFault)
        -> TemplateValue
    {
        try spend(cost(value))
        switch name {
        case "length", "count": return .integer(try length(value))
        case "tojson":
            try call.allow(1, "ensure_ascii", "indent", of: name)
            if call.argument(0, "ensure_ascii")?.isTrue ?? false { throw .unsupported("tojson with ensure_ascii") }
            let indent = try call.integer(.max, "indent", of: name)
            return try made(TemplateJSON.text(value, indent: indent))
        case "default", "d":
            try call.allow(2, "default_value", "boolean", of: name)
            let replaces = call.argument(1, "boolean")?.isTrue ?? false
            if case .undefined = value { return call.argument(0, "default_value") ?? .string("") }
            return replaces && !value.isTrue ? call.argument(0, "default_value") ?? .string("") : value
        case "list": return try made(items(of: value))
        case "items":
            if case .undefined = value { return .list([]) }
            return try method("items", of: value, call)
        case "first": return try items(of: value).first ?? .undefined("the first item")
        case "last": return try items(of: value).last ?? .undefined("the last item")
        case "reverse":
            let reversed = try Array(items(of: value).reversed())
            if case .string = value { return try join(.list(reversed), "") }
            return try made(reversed)
        case "join":
            try call.allow(1, "d", of: name)
            return try join(value, call.text(0, "d", of: name) ?? "")
        case "map": return try map(value, call)
        case "select", "reject", "selectattr", "rejectattr": return try select(name, value, call)
        default: return try textFilter(name, value, call)
        }
    }

    private mutating func textFilter(_ name: String, _ value: TemplateValue, _ call: TemplateCall) throws(TemplateFault)
        -> TemplateValue
    {
        switch name {
        case "trim":
            try call.allow(1, "chars", of: name)
            return try made(PythonText.stripped(value.text, of: call.text(0, "chars", of: name)))
        case "string", "safe":
            try call.allow(0, of: name)
            return try made(value.text)
        case "upper": return try made(value.text.uppercased())
        case "lower": return try made(value.text.lowercased())
        case "replace": return try replace(value.text, call)
        case "int":
            if let number = value.double, abs(number) < 1e15 { return .integer(Int(number)) }
            guard case .string(let text) = value, let number = Int(PythonText.stripped(text)) else {
                return call.argument(0, "default") ?? .integer(0)
            }
            return .integer(number)
        default: throw .unsupported("the filter \(name)")
        }
    }

    private func length(_ value: TemplateValue) throws(TemplateFault) -> Int {
        switch value {
        case .string(let text): return text.unicodeScalars.count
        case .list(let items): return items.count
        case .map(let members): return members.count
        case .undefined: return 0
        default: throw .operands("\(value.kind) has no length")
        }
    }

    /// `map(attribute='a.b', default=…)`, or `map('filter', …)`.
    private mutating func map(_ value: TemplateValue, _ call: TemplateCall) throws(TemplateFault) -> TemplateValue {
        var results: [TemplateValue] = []
        if let path = try call.text(.max, "attribute", of: "map") {
            try call.allow(0, "attribute", "default", of: "map")
            for item in try items(of: value) {
                var found = try attribute(path, of: item)
                if case .undefined = found { found = call.named["default"] ?? found }
                results.append(found)
            }
        } else {
            guard let name = try call.text(0, "", of: "map") else { throw .operands("map takes the name of a filter") }
            let rest = TemplateCall(values: Array(call.values.dropFirst()), named: call.named)
            for item in try items(of: value) { results.append(try filter(name, item, rest)) }
        }
        return try made(results)
    }

    /// The items of which a test, or an attribute of theirs, says yes, or no.
    private mutating func select(_ name: String, _ value: TemplateValue, _ call: TemplateCall) throws(TemplateFault)
        -> TemplateValue
    {
        let (wanted, hasAttribute) = (name.hasPrefix("select"), name.hasSuffix("attr"))
        let path = try hasAttribute ? call.text(0, "", of: name) : nil
        let test = try call.text(hasAttribute ? 1 : 0, "", of: name)
        let arguments = Array(call.values.dropFirst(hasAttribute ? 2 : 1))
        var kept: [TemplateValue] = []
        for item in try items(of: value) {
            var tested = item
            if let path { tested = try attribute(path, of: item) }
            var holds = tested.isTrue
            if let test { holds = try self.test(test, tested, arguments) }
            if holds == wanted { kept.append(item) }
        }
        return try made(kept)
    }

    /// A member by a path with dots.
    private mutating func attribute(_ path: String, of value: TemplateValue) throws(TemplateFault) -> TemplateValue {
        var result = value
        for name in path.split(separator: ".") {
            try spend()
            result = try member(String(name), of: result)
        }
        return result
    }
}
