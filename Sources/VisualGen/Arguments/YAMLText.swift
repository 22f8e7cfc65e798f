internal import Files
internal import Yams

/// The text of a YAML file, read into a mapping within limits that no honest configuration meets.
///
/// Anchors, aliases and merge keys (`<<`) work as in PyYAML's safe loader; a field given twice in a mapping is refused,
/// which PyYAML is silent about. Tags that would make anything but plain values are refused.
struct YAMLText {
    /// How many bytes a file may have.
    static let byteLimit = 64 * 1024
    /// How deep lists and mappings may lie in each other.
    static let depthLimit = 32
    /// How many values there may be once every alias is replaced by what it stands for.
    static let valueLimit = 20_000
    /// How many bytes the name of a field may have: comparing long ones takes time.
    static let nameLimit = 256
    /// How many aliases there may be.
    static let aliasLimit = 12

    private var valueCount = 0

    /// - Parameter text: one YAML document; an empty one is an empty mapping
    /// - Returns: its fields
    /// - Throws: what cannot be read
    static func fields(in text: String) throws(ConfigurationError) -> [String: ConfigValue] {
        guard text.utf8.count <= byteLimit else { throw fault("has more than \(byteLimit) bytes") }
        guard mostAliases(in: text) <= aliasLimit else { throw fault("has more than \(aliasLimit) aliases") }
        guard let root = try root(of: text) else { return [:] }
        var reader = YAMLText()
        switch try reader.value(of: root, depth: 0) {
        case .null: return [:]
        case .mapping(let fields): return fields
        case let other:
            throw ConfigurationError([ConfigProblem("", "the file must hold a mapping, not \(other.mention)")])
        }
    }

    /// An upper bound for the number of aliases.
    ///
    /// It is found without the parser, which compares the keys of a mapping with all that their aliases stand for and
    /// would never end where those double a few dozen times.
    private static func mostAliases(in text: String) -> Int {
        let harmless: (Unicode.Scalar) -> Bool = {
            $0.properties.isAlphabetic || "0123456789_.*/\"'-".unicodeScalars.contains($0)
        }
        var (count, previous): (Int, Unicode.Scalar) = (0, " ")
        for scalar in text.unicodeScalars {
            if previous == "\u{0}" {
                count += scalar.properties.isWhitespace ? 0 : 1
                previous = scalar
            } else {
                previous = scalar == "*" && !harmless(previous) ? "\u{0}" : scalar
            }
        }
        return count
    }

    private static func root(of text: String) throws(ConfigurationError) -> Node? {
        do {
            return try Parser(yaml: text, resolver: .basic, encoding: .utf8).singleRoot()
        } catch let error as YamlError {
            throw fault(error.reason)
        } catch {
            throw fault("cannot be read: \(error)")
        }
    }

    private mutating func value(of node: Node, depth: Int) throws(ConfigurationError) -> ConfigValue {
        valueCount += 1
        guard valueCount <= Self.valueLimit else { throw fault("stands for more than \(Self.valueLimit) values") }
        guard depth <= Self.depthLimit else { throw fault("is nested more than \(Self.depthLimit) deep", node) }
        switch node {
        case .scalar(let scalar): return try value(of: scalar)
        case .sequence(let sequence):
            try requireTag(of: sequence.tag, "seq", node)
            var values: [ConfigValue] = []
            for element in sequence { values.append(try value(of: element, depth: depth + 1)) }
            return .list(values)
        case .mapping(let mapping):
            try requireTag(of: mapping.tag, "map", node)
            return .mapping(try fields(of: mapping, depth: depth))
        case .alias: throw fault("has an alias that stands for nothing", node)
        }
    }

    private mutating func fields(of mapping: Node.Mapping, depth: Int) throws(ConfigurationError) -> [String:
        ConfigValue]
    {
        var own: [String: ConfigValue] = [:]
        var merged: [String: ConfigValue] = [:]
        for (key, node) in mapping {
            guard let scalar = key.scalar,
                case .string(let name) = scalar.style == .plain
                    ? YAMLScalar.value(of: scalar.string) : .string(scalar.string)
            else { throw fault("has a name that is not text", key) }
            guard name.utf8.count <= Self.nameLimit else {
                throw fault("has a name of more than \(Self.nameLimit) bytes", key)
            }
            let value = try value(of: node, depth: depth + 1)
            if name == "<<", scalar.style == .plain {
                merged.merge(try mergedFields(value, node)) { first, _ in first }
            } else if own.updateValue(value, forKey: name) != nil {
                throw fault("has \(name.quoted(limit: 80)) twice in one mapping", key)
            }
        }
        return own.merging(merged) { own, _ in own }
    }

    /// What a merge key brings in: a mapping, or several of which the first counts most.
    private func mergedFields(_ value: ConfigValue, _ node: Node) throws(ConfigurationError) -> [String: ConfigValue] {
        var fields: [String: ConfigValue] = [:]
        let sources = if case .list(let several) = value { several } else { [value] }
        for source in sources {
            guard case .mapping(let more) = source else { throw fault("merges (<<) what is not a mapping", node) }
            fields.merge(more) { first, _ in first }
        }
        return fields
    }

    private func value(of scalar: Node.Scalar) throws(ConfigurationError) -> ConfigValue {
        let tag = scalar.tag.rawValue
        if tag == "!" || tag == Self.tagPrefix + "str" { return .string(scalar.string) }
        if tag.isEmpty { return scalar.style == .plain ? YAMLScalar.value(of: scalar.string) : .string(scalar.string) }
        let value = YAMLScalar.value(of: scalar.string)
        switch (tag.hasPrefix(Self.tagPrefix) ? tag.dropFirst(Self.tagPrefix.count) : "", value) {
        case ("null", .null), ("bool", .bool), ("int", .int), ("float", .double): return value
        case ("float", .int(let number)): return .double(Double(number))
        default: throw fault("has the tag \(tag.quoted(limit: 80)), which is not read here", .scalar(scalar))
        }
    }

    private static let tagPrefix = "tag:yaml.org,2002:"

    private func requireTag(of tag: Tag, _ name: String, _ node: Node) throws(ConfigurationError) {
        guard ["", "!", Self.tagPrefix + name].contains(tag.rawValue) else {
            throw fault("has the tag \(tag.rawValue.quoted(limit: 80)), which is not read here", node)
        }
    }

    private func fault(_ statement: String, _ node: Node? = nil) -> ConfigurationError { Self.fault(statement, node) }

    private static func fault(_ statement: String, _ node: Node? = nil) -> ConfigurationError {
        let place = node?.mark.map { " (line \($0.line), column \($0.column))" } ?? ""
        return ConfigurationError([ConfigProblem("", "the YAML \(statement)\(place)")])
    }
}

extension YamlError {
    /// What is wrong with the text, as the rest of a sentence.
    fileprivate var reason: String {
        switch self {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            "cannot be read: \(problem) (line \(mark.line), column \(mark.column))"
        case .reader(let problem, _, _, _): "cannot be read: \(problem)"
        case .duplicatedKeysInMapping(let names, let context):
            "has \(names.lazy.map { $0.quoted(limit: 80) }.list(upTo: MessageLimit.items)) twice in one mapping"
                + " (line \(context.mark.line), column \(context.mark.column))"
        default: "cannot be read"
        }
    }
}
