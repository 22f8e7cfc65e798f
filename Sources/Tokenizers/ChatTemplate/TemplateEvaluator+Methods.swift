extension TemplateEvaluator {
    /// `object.name(…)`.
    mutating func method(_ name: String, of object: TemplateValue, _ call: TemplateCall) throws(TemplateFault)
        -> TemplateValue
    {
        switch object {
        case .string(let text):
            try spend(cost(object))
            return try method(name, of: text, call)
        case .map(let members): return try method(name, of: members, call)
        case .undefined(let name): throw .undefined(name)
        default: throw .unsupported("the method .\(name)() of \(object.kind)")
        }
    }

    private mutating func method(_ name: String, of text: String, _ call: TemplateCall) throws(TemplateFault)
        -> TemplateValue
    {
        switch name {
        case "startswith", "endswith":
            try call.allow(1, of: ".\(name)()")
            guard let part = try call.text(0, "", of: ".\(name)()")?.utf8 else {
                throw .operands(".\(name)() takes a string")
            }
            return .bool(
                name == "startswith" ? text.utf8.starts(with: part) : text.utf8.suffix(part.count).elementsEqual(part))
        case "strip", "lstrip", "rstrip":
            try call.allow(1, of: ".\(name)()")
            let ends: PythonText.Ends = name == "strip" ? .both : name == "lstrip" ? .start : .end
            return try made(PythonText.stripped(text, ends, of: call.text(0, "", of: ".\(name)()")))
        case "split":
            try call.allow(2, "sep", "maxsplit", of: ".split()")
            let separator = try call.text(0, "sep", of: ".split()")
            if separator?.isEmpty == true { throw .operands(".split() takes no empty separator") }
            try spend(text.utf8.count * (separator?.utf8.count ?? 1) / 1024)
            let count = try call.integer(1, "maxsplit", of: ".split()")
            return try made(PythonText.split(text, at: separator, atMost: count).map { .string($0) })
        case "upper", "lower":
            try call.allow(0, of: ".\(name)()")
            return try made(name == "upper" ? text.uppercased() : text.lowercased())
        case "replace":
            try call.allow(3, of: ".replace()")
            return try replace(text, call)
        case "join":
            try call.allow(1, of: ".join()")
            return try join(call.argument(0, "") ?? .null, text)
        default: throw .unsupported("the method .\(name)() of a string")
        }
    }

    private mutating func method(_ name: String, of members: [TemplateValue.Member], _ call: TemplateCall)
        throws(TemplateFault) -> TemplateValue
    {
        switch name {
        case "get":
            try call.allow(2, of: ".get()")
            guard case .string(let key) = call.argument(0, "") else { return call.argument(1, "") ?? .null }
            return members[key] ?? call.argument(1, "") ?? .null
        case "items":
            try call.allow(0, of: ".items()")
            return try made(members.map { .list([.string($0.key), $0.value]) })
        case "keys": return try made(members.map { .string($0.key) })
        case "values": return try made(members.map(\.value))
        default: throw .unsupported("the method .\(name)() of a map")
        }
    }

    /// The text with one part in place of another.
    mutating func replace(_ text: String, _ call: TemplateCall) throws(TemplateFault) -> TemplateValue {
        guard let old = try call.text(0, "old", of: "replace"), let new = try call.text(1, "new", of: "replace") else {
            throw .operands("replace takes two strings")
        }
        if old.isEmpty { throw .unsupported("replace of an empty string") }
        try spend(text.utf8.count * old.utf8.count / 1024)
        let parts = PythonText.split(text, at: old, atMost: try call.integer(2, "count", of: "replace"))
        try spend(parts.count * new.utf8.count / Self.bytesPerStep)
        return try made(parts.joined(separator: new))
    }

    /// The texts of a list with a separator between.
    mutating func join(_ list: TemplateValue, _ separator: String) throws(TemplateFault) -> TemplateValue {
        var texts: [String] = []
        for item in try items(of: list) { texts.append(try item.text) }
        try spend(texts.reduce(0) { $0 + $1.utf8.count + separator.utf8.count } / Self.bytesPerStep)
        return .string(texts.joined(separator: separator))
    }

    /// What a loop over a value goes through.
    mutating func items(of value: TemplateValue) throws(TemplateFault) -> [TemplateValue] {
        switch value {
        case .list(let items): return items
        case .map(let members): return members.map { .string($0.key) }
        case .undefined: return []
        case .string(let text):
            try spend(text.utf8.count)
            return text.unicodeScalars.map { .string(String($0)) }
        default: throw .operands("\(value.kind) has no items")
        }
    }
}
