/// The arguments of a call, a filter or a test, evaluated.
struct TemplateCall {
    var values: [TemplateValue] = []
    var named: [String: TemplateValue] = [:]

    /// An argument by its place, or by its name.
    ///
    /// - Parameters:
    ///   - index: its place
    ///   - name: its name
    /// - Returns: the argument, nil if it is not given or none
    func argument(_ index: Int, _ name: String) -> TemplateValue? {
        let value = index < values.count ? values[index] : named[name]
        if case .null = value { return nil }
        return value
    }

    /// A text among the arguments.
    func text(_ index: Int, _ name: String, of function: String) throws(TemplateFault) -> String? {
        guard let value = argument(index, name) else { return nil }
        guard case .string(let text) = value else { throw .operands("\(function) takes a string, not \(value.kind)") }
        return text
    }

    /// A whole number among the arguments.
    func integer(_ index: Int, _ name: String, of function: String) throws(TemplateFault) -> Int? {
        guard let value = argument(index, name) else { return nil }
        guard let number = value.integer else { throw .operands("\(function) takes a number, not \(value.kind)") }
        return number
    }

    /// Refuses arguments that the function does not have.
    func allow(_ count: Int, _ names: String..., of function: String) throws(TemplateFault) {
        if values.count > count { throw .unsupported("\(function) with \(values.count) arguments") }
        if let name = named.keys.sorted().first(where: { !names.contains($0) }) {
            throw .unsupported("the argument \(name) of \(function)")
        }
    }
}
