internal import Layers

/// What must hold for the value of one field, beyond its type.
struct ConfigRule<Value> {
    /// What is wrong with a value, given the full name of its field.
    let problems: (Value, String) -> [ConfigProblem]

    /// The rule of a value that must be something, as in "at least 1".
    static func must(_ requirement: String, _ holds: @escaping (Value) -> Bool) -> Self where Value: ConfigField {
        Self { value, path in
            guard !holds(value) else { return [] }
            return [ConfigProblem(path, "must be \(requirement), not \(value.configValue.mention)")]
        }
    }

    /// The rule of a field that may be null.
    static func orNull<Wrapped>(_ rule: ConfigRule<Wrapped>) -> Self where Value == Wrapped? {
        Self { value, path in value.map { rule.problems($0, path) } ?? [] }
    }

    /// The rule of a list, for each of its elements.
    static func each<Element>(_ rule: ConfigRule<Element>) -> Self where Value == [Element] {
        Self { values, path in
            values.enumerated().flatMap { index, value in rule.problems(value, "\(path)[\(index)]") }
        }
    }

    /// The rule of a list that needs an element.
    static func notEmptyList<Element: ConfigField>() -> Self where Value == [Element] {
        Self { values, path in values.isEmpty ? [ConfigProblem(path, "must not be empty")] : [] }
    }
}

extension ConfigRule where Value: Comparable & ConfigField {
    static func atLeast(_ minimum: Value) -> Self {
        .must("at least \(minimum.configValue.mention)") { $0 >= minimum }
    }

    static func above(_ minimum: Value) -> Self {
        .must("above \(minimum.configValue.mention)") { $0 > minimum }
    }

    static func within(_ range: ClosedRange<Value>) -> Self {
        .must("from \(range.lowerBound.configValue.mention) to \(range.upperBound.configValue.mention)") {
            range.contains($0)
        }
    }
}

extension ConfigRule<String> {
    static var notEmpty: Self {
        Self { text, path in text.isEmpty ? [ConfigProblem(path, "must not be empty")] : [] }
    }

    /// A pattern of names, whose brackets are closed.
    static var pattern: Self {
        Self { text, path in
            QuantizationPlan.isPattern(text)
                ? [] : [ConfigProblem(path, "is no pattern: \(text.configValue.mention)")]
        }
    }
}
