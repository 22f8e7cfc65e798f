internal import Foundation

extension TemplateEvaluator {
    /// Most numbers that `range` may give: the limit of Jinja's sandbox.
    private static let rangeLimit = 100_000

    mutating func call(_ callee: TemplateExpression, _ arguments: TemplateArguments) throws(TemplateFault)
        -> TemplateValue
    {
        switch callee.kind {
        case .name(let name): return try function(name, values(of: arguments))
        case .member(let object, let name):
            let object = try evaluate(object)
            let call = try values(of: arguments)
            note(callee.line)
            return try method(name, of: object, call)
        default: throw .unsupported("a call of a value")
        }
    }

    private mutating func values(of arguments: TemplateArguments) throws(TemplateFault) -> TemplateCall {
        var call = TemplateCall()
        for argument in arguments.values { call.values.append(try evaluate(argument)) }
        for argument in arguments.named { call.named[argument.name] = try evaluate(argument.value) }
        return call
    }

    private mutating func function(_ name: String, _ call: TemplateCall) throws(TemplateFault) -> TemplateValue {
        switch name {
        case "raise_exception": throw .raised(try call.argument(0, "message")?.text ?? "")
        case "strftime_now": return try made(Self.now(try call.text(0, "format", of: name) ?? ""))
        case "range": return try range(call)
        case "namespace", "dict":
            var members: [TemplateValue.Member] = []
            if case .map(let given) = call.argument(0, "") { members = given }
            for (name, value) in call.named.sorted(by: { $0.key < $1.key }) { members[name] = value }
            guard name == "namespace" else { return try made(members) }
            try spend(members.count)
            namespaces.append(members)
            return .namespace(namespaces.count - 1)
        default:
            if case .undefined = value(of: name) { throw .unsupported("the function \(name)()") }
            throw .operands("\(name) is \(value(of: name).kind), which cannot be called")
        }
    }

    private mutating func range(_ call: TemplateCall) throws(TemplateFault) -> TemplateValue {
        try call.allow(3, of: "range")
        var bounds: [Int] = []
        for index in call.values.indices { bounds.append(try call.integer(index, "", of: "range") ?? 0) }
        let (start, end) = bounds.count == 1 ? (0, bounds[0]) : (bounds.first ?? 0, bounds.dropFirst().first ?? 0)
        let step = bounds.count > 2 ? bounds[2] : 1
        let bound = 1 << 40
        guard [start, end, step].allSatisfy({ (-bound...bound).contains($0) }), step != 0 else {
            throw .operands("range() takes numbers of modest size")
        }
        guard abs(end - start) / abs(step) <= Self.rangeLimit else { throw .exhausted }
        return try made(stride(from: start, to: end, by: step).map { .integer($0) })
    }

    /// The present time as C's `strftime` writes it.
    private static func now(_ format: String) -> String {
        var seconds = time(nil)
        var moment = tm()
        localtime_r(&seconds, &moment)
        var buffer = [CChar](repeating: 0, count: 512)
        let count = strftime(&buffer, buffer.count, String(format.prefix(100)), &moment)
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
