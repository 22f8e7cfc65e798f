internal import Diffusion

/// A type that a field of the configuration can have.
protocol ConfigField {
    /// What a value of the type is, in a sentence: "a whole number".
    static var kind: String { get }

    /// Reads a value, or says what is wrong with it.
    ///
    /// - Parameters:
    ///   - value: what was given
    ///   - path: the full name of the field
    ///   - problems: where what is wrong is added
    /// - Returns: nil if anything is wrong that leaves no value
    static func read(_ value: ConfigValue, at path: String, into problems: inout [ConfigProblem]) -> Self?

    /// The value as it is written; `read` gives an equal one back.
    var configValue: ConfigValue { get }

    /// Says what is wrong with a value that was set in code.
    func check(at path: String, into problems: inout [ConfigProblem])
}

extension ConfigField {
    func check(at path: String, into problems: inout [ConfigProblem]) {}

    /// The problem of a value that is something else.
    static func mismatch(_ value: ConfigValue, at path: String) -> ConfigProblem {
        ConfigProblem(path, "must be \(kind), not \(value.mention)")
    }
}

extension Bool: ConfigField {
    static var kind: String { "true or false" }

    static func read(_ value: ConfigValue, at path: String, into problems: inout [ConfigProblem]) -> Bool? {
        if case .bool(let value) = value { return value }
        problems.append(mismatch(value, at: path))
        return nil
    }

    var configValue: ConfigValue { .bool(self) }
}

extension Int: ConfigField {
    static var kind: String { "a whole number" }

    static func read(_ value: ConfigValue, at path: String, into problems: inout [ConfigProblem]) -> Int? {
        if case .int(let value) = value { return value }
        problems.append(mismatch(value, at: path))
        return nil
    }

    var configValue: ConfigValue { .int(self) }
}

extension Double: ConfigField {
    static var kind: String { "a number" }

    static func read(_ value: ConfigValue, at path: String, into problems: inout [ConfigProblem]) -> Double? {
        switch value {
        case .int(let value): return Double(value)
        case .double(let number):
            if number.isFinite { return number }
            number.check(at: path, into: &problems)
        default: problems.append(mismatch(value, at: path))
        }
        return nil
    }

    var configValue: ConfigValue { .double(self) }

    func check(at path: String, into problems: inout [ConfigProblem]) {
        if !isFinite { problems.append(ConfigProblem(path, "must be a finite number, not \(mention)")) }
    }
}

extension String: ConfigField {
    static var kind: String { "text" }

    static func read(_ value: ConfigValue, at path: String, into problems: inout [ConfigProblem]) -> String? {
        if case .string(let value) = value { return value }
        problems.append(mismatch(value, at: path))
        return nil
    }

    var configValue: ConfigValue { .string(self) }
}

extension ConfigValue: ConfigField {
    static var kind: String { "a value" }

    static func read(_ value: ConfigValue, at path: String, into problems: inout [ConfigProblem]) -> ConfigValue? {
        let before = problems.count
        value.check(at: path, into: &problems)
        return problems.count == before ? value : nil
    }

    var configValue: ConfigValue { self }

    func check(at path: String, into problems: inout [ConfigProblem]) {
        switch self {
        case .double(let number): number.check(at: path, into: &problems)
        case .list(let values): values.check(at: path, into: &problems)
        case .mapping(let fields): fields.check(at: path, into: &problems)
        case .null, .bool, .int, .string: break
        }
    }
}

/// One of a few names.
protocol ConfigName: ConfigField, RawRepresentable<String>, CaseIterable {}

extension ConfigName {
    static var kind: String { "one of \(allCases.map(\.rawValue).joined(separator: ", "))" }

    static func read(_ value: ConfigValue, at path: String, into problems: inout [ConfigProblem]) -> Self? {
        guard case .string(let name) = value else {
            problems.append(mismatch(value, at: path))
            return nil
        }
        if let known = Self(rawValue: name) { return known }
        let meant = name.nearest(of: allCases.map(\.rawValue)).map { "; did you mean \($0)?" } ?? ""
        problems.append(ConfigProblem(path, "must be \(kind), not \(name.quoted(limit: 80))\(meant)"))
        return nil
    }

    var configValue: ConfigValue { .string(rawValue) }
}
