internal import Diffusion

/// The fields of one mapping, on their way into a value or out of it.
///
/// A type names each of its fields once, in `exchange`; that list serves to read it, to write it, to check a value set
/// in code and to know which names are unknown. Problems are collected, never thrown.
struct ConfigFields {
    private let path: String
    /// What was given, nil where a value is written.
    private let given: [String: ConfigValue]?
    /// The fields as they are written.
    private(set) var written: [String: ConfigValue] = [:]
    private var names: [String]
    private var formerNames: [String] = []
    private var fieldProblems: [ConfigProblem] = []
    private var ruleProblems: [ConfigProblem] = []

    /// Fields to read.
    ///
    /// - Parameters:
    ///   - given: what was given, by name
    ///   - path: the full name of the mapping, empty for the outermost
    ///   - tagField: a field that has been read already
    init(reading given: [String: ConfigValue], at path: String, tagField: String? = nil) {
        (self.given, self.path, names) = (given, path, tagField.map { [$0] } ?? [])
    }

    /// Fields to write, and to check.
    ///
    /// - Parameter path: the full name of the mapping, empty for the outermost
    init(writingAt path: String) { (given, self.path, names) = (nil, path, []) }

    /// Reads or writes one field.
    ///
    /// - Parameters:
    ///   - name: as it is spelt in YAML
    ///   - value: holds the default, and what was given if it can be read
    ///   - rule: what must hold for it
    ///   - former: another name that it is read under, where its own is not given
    mutating func exchange<Value: ConfigField>(
        _ name: String, _ value: inout Value, _ rule: ConfigRule<Value>? = nil, formerly former: String? = nil
    ) {
        names.append(name)
        if let former { formerNames.append(former) }
        let fieldPath = path.field(name)
        let before = fieldProblems.count
        if given == nil {
            value.check(at: fieldPath, into: &fieldProblems)
        } else if let found = given?[name] ?? former.flatMap({ given?[$0] }),
            let read = Value.read(found, at: fieldPath, into: &fieldProblems)
        {
            value = read
        }
        if fieldProblems.count == before, let rule { fieldProblems += rule.problems(value, fieldPath) }
        written[name] = value.configValue
    }

    /// States a rule between fields, left out where one of them is wrong in itself.
    ///
    /// - Parameters:
    ///   - holds: whether it holds
    ///   - name: the field that the problem is about
    ///   - others: the other fields that the rule depends on
    ///   - statement: what is wrong if it does not hold
    mutating func require(
        _ holds: Bool, _ name: String, with others: [String] = [], _ statement: @autoclosure () -> String
    ) {
        guard !holds else { return }
        let paths = (others + [name.split(separator: ".").first.map(String.init) ?? name]).map { path.field($0) }
        let isClean = !fieldProblems.contains { problem in paths.contains { problem.field.isPath(in: $0) } }
        if isClean { ruleProblems.append(ConfigProblem(path.isEmpty ? name : "\(path).\(name)", statement())) }
    }

    /// All that is wrong, fields that no one asked for included.
    var problems: [ConfigProblem] {
        let unknown = (given ?? [:]).keys.filter { !names.contains($0) && !formerNames.contains($0) }.sorted()
        var unknownProblems = unknown.prefix(Self.mostUnknown).map(unknownField)
        if unknown.count > Self.mostUnknown {
            let rest = unknown.count - Self.mostUnknown
            unknownProblems.append(ConfigProblem(path, "has \(rest) more names that are not fields"))
        }
        return fieldProblems + unknownProblems + ruleProblems
    }

    /// So many unknown names are each told, with the name that may have been meant.
    private static let mostUnknown = 32

    private func unknownField(_ name: String) -> ConfigProblem {
        let hint =
            name.nearest(of: names).map { "did you mean \($0)?" } ?? "the fields are \(names.joined(separator: ", "))"
        return ConfigProblem(path.field(name), "is not a field; \(hint)")
    }
}

/// A mapping with fixed names; null stands for its defaults.
protocol ConfigRecord: ConfigField {
    init()

    /// Names each field, with its rule, and the rules between fields.
    mutating func exchange(_ fields: inout ConfigFields)
}

extension ConfigRecord {
    static var kind: String { "a mapping" }

    static func read(_ value: ConfigValue, at path: String, into problems: inout [ConfigProblem]) -> Self? {
        switch value {
        case .null: return Self()
        case .mapping(let given):
            var (record, fields) = (Self(), ConfigFields(reading: given, at: path))
            record.exchange(&fields)
            problems += fields.problems
            return record
        default:
            problems.append(mismatch(value, at: path))
            return nil
        }
    }

    var configValue: ConfigValue { .mapping(fields(at: "").written) }

    func check(at path: String, into problems: inout [ConfigProblem]) { problems += fields(at: path).problems }

    private func fields(at path: String) -> ConfigFields {
        var (record, fields) = (self, ConfigFields(writingAt: path))
        record.exchange(&fields)
        return fields
    }
}
