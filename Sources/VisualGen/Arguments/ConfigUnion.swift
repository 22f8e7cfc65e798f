/// A mapping whose other fields depend on the name in one of them.
protocol ConfigUnion: ConfigField {
    /// The field that holds the name.
    static var tagField: String { get }
    /// The names that there are.
    static var tags: [String] { get }

    /// The form of a name, with its defaults; nil if there is none.
    init?(tag: String)

    /// The name of this form.
    var tag: String { get }

    /// Names the fields of this form.
    mutating func exchange(_ fields: inout ConfigFields)
}

extension ConfigUnion {
    static var kind: String { "a mapping" }

    static func read(_ value: ConfigValue, at path: String, into problems: inout [ConfigProblem]) -> Self? {
        guard case .mapping(let given) = value else {
            problems.append(mismatch(value, at: path))
            return nil
        }
        let tagPath = path.field(tagField)
        let expected = "must be one of \(tags.joined(separator: ", "))"
        guard let tag = given[tagField] else {
            problems.append(ConfigProblem(tagPath, "is missing; it \(expected)"))
            return nil
        }
        guard case .string(let name) = tag, var union = Self(tag: name) else {
            problems.append(ConfigProblem(tagPath, "\(expected), not \(tag.description)"))
            return nil
        }
        var fields = ConfigFields(reading: given, at: path, tagField: tagField)
        union.exchange(&fields)
        problems += fields.problems
        return union
    }

    var configValue: ConfigValue {
        .mapping(fields(at: "").written.merging([Self.tagField: .string(tag)]) { _, tag in tag })
    }

    func check(at path: String, into problems: inout [ConfigProblem]) { problems += fields(at: path).problems }

    private func fields(at path: String) -> ConfigFields {
        var (union, fields) = (self, ConfigFields(writingAt: path))
        union.exchange(&fields)
        return fields
    }
}
