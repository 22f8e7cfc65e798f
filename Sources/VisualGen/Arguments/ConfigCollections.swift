extension Optional: ConfigField where Wrapped: ConfigField {
    static var kind: String { Wrapped.kind }

    static func read(_ value: ConfigValue, at path: String, into problems: inout [ConfigProblem]) -> Wrapped?? {
        if value == .null { return .some(nil) }
        return Wrapped.read(value, at: path, into: &problems).map(Optional.some)
    }

    var configValue: ConfigValue { self?.configValue ?? .null }

    func check(at path: String, into problems: inout [ConfigProblem]) { self?.check(at: path, into: &problems) }
}

extension Array: ConfigField where Element: ConfigField {
    static var kind: String { "a list" }

    static func read(_ value: ConfigValue, at path: String, into problems: inout [ConfigProblem]) -> [Element]? {
        guard case .list(let values) = value else {
            problems.append(mismatch(value, at: path))
            return nil
        }
        var elements: [Element] = []
        for (index, value) in values.enumerated() {
            if let element = Element.read(value, at: "\(path)[\(index)]", into: &problems) { elements.append(element) }
        }
        return elements.count == values.count ? elements : nil
    }

    var configValue: ConfigValue { .list(map(\.configValue)) }

    func check(at path: String, into problems: inout [ConfigProblem]) {
        for (index, element) in enumerated() { element.check(at: "\(path)[\(index)]", into: &problems) }
    }
}

/// Fields whose names are free; null gives none.
extension Dictionary: ConfigField where Key == String, Value: ConfigField {
    static var kind: String { "a mapping" }

    static func read(
        _ value: ConfigValue, at path: String, into problems: inout [ConfigProblem]
    ) -> [String: Value]? {
        guard value != .null else { return [:] }
        guard case .mapping(let given) = value else {
            problems.append(mismatch(value, at: path))
            return nil
        }
        var fields: [String: Value] = [:]
        for (name, value) in given.sorted(by: { $0.key < $1.key }) {
            if let field = Value.read(value, at: path.field(name), into: &problems) { fields[name] = field }
        }
        return fields.count == given.count ? fields : nil
    }

    var configValue: ConfigValue { .mapping(mapValues(\.configValue)) }

    func check(at path: String, into problems: inout [ConfigProblem]) {
        for (name, value) in sorted(by: { $0.key < $1.key }) { value.check(at: path.field(name), into: &problems) }
    }
}

/// Two numbers from 1 on, written as a list.
protocol ConfigPair: ConfigField {
    init(_ first: Int, _ second: Int)
    var numbers: (Int, Int) { get }
}

extension ConfigPair {
    static func read(_ value: ConfigValue, at path: String, into problems: inout [ConfigProblem]) -> Self? {
        guard case .list(let values) = value, values.count == 2,
            case (.int(let first), .int(let second)) = (values[0], values[1])
        else {
            problems.append(ConfigProblem(path, "must be \(kind), not \(value)"))
            return nil
        }
        let pair = Self(first, second)
        let before = problems.count
        pair.check(at: path, into: &problems)
        return problems.count == before ? pair : nil
    }

    var configValue: ConfigValue { [.int(numbers.0), .int(numbers.1)] }

    func check(at path: String, into problems: inout [ConfigProblem]) {
        if numbers.0 < 1 || numbers.1 < 1 {
            problems.append(ConfigProblem(path, "must be \(Self.kind) of at least 1 each, not \(configValue)"))
        }
    }
}
