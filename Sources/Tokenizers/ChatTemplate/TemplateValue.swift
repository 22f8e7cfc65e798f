internal import Files

/// A value that a chat template works with, with Python's meaning.
package indirect enum TemplateValue: Sendable {
    /// What nobody gave, by its name.
    case undefined(String)
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case list([TemplateValue])
    case map([Member])
    /// What `namespace()` made, by its number.
    case namespace(Int)

    /// One key of a map and its value.
    package struct Member: Sendable {
        package let key: String
        package var value: TemplateValue

        package init(_ key: String, _ value: TemplateValue) { (self.key, self.value) = (key, value) }
    }
}

extension TemplateValue {
    /// What Python's `bool` says of it.
    var isTrue: Bool {
        switch self {
        case .undefined, .null: false
        case .bool(let bool): bool
        case .integer(let number): number != 0
        case .number(let number): number != 0
        case .string(let text): !text.isEmpty
        case .list(let items): !items.isEmpty
        case .map(let members): !members.isEmpty
        case .namespace: true
        }
    }

    /// What it is, for errors.
    var kind: String {
        switch self {
        case .undefined(let name): "\(name), which is undefined,"
        case .null: "none"
        case .bool: "a Boolean"
        case .integer, .number: "a number"
        case .string: "a string"
        case .list: "a list"
        case .map: "a map"
        case .namespace: "a namespace"
        }
    }

    /// As a whole number; Python counts its Booleans among them.
    var integer: Int? {
        switch self {
        case .integer(let number): number
        case .bool(let bool): bool ? 1 : 0
        default: nil
        }
    }

    /// As any number.
    var double: Double? {
        if case .number(let number) = self { return number }
        return integer.map(Double.init)
    }

    /// Whether both are the same, as Python's `==` sees it.
    func equals(_ other: TemplateValue) -> Bool {
        switch (self, other) {
        case (.undefined, .undefined), (.null, .null): true
        case (.string(let one), .string(let other)): ExactText(one) == ExactText(other)
        case (.list(let one), .list(let other)):
            one.count == other.count && zip(one, other).allSatisfy { $0.equals($1) }
        case (.map(let one), .map(let other)):
            one.count == other.count && one.allSatisfy { member in other[member.key]?.equals(member.value) ?? false }
        case (.namespace(let one), .namespace(let other)): one == other
        default: if let one = double, let other = other.double { one == other } else { false }
        }
    }

    /// Printed, as `{{ }}` does it.
    var text: String {
        get throws(TemplateFault) {
            switch self {
            case .undefined: return ""
            case .null: return "None"
            case .bool(let bool): return bool ? "True" : "False"
            case .integer(let number): return "\(number)"
            case .number(let number): return "\(number)"
            case .string(let text): return text
            case .list, .map, .namespace: throw .unsupported("\(kind) as text")
            }
        }
    }

    /// How many values it is made of, itself included.
    ///
    /// - Parameter depth: how deep lists and maps may nest
    func count(depth: Int) throws(TemplateFault) -> Int {
        guard depth > 0 else { throw .tooLarge("values nested this deep") }
        var count = 1
        switch self {
        case .list(let items): for item in items { count += try item.count(depth: depth - 1) }
        case .map(let members): for member in members { count += try member.value.count(depth: depth - 1) }
        default: break
        }
        return count
    }
}

extension [TemplateValue.Member] {
    /// The value of a key.
    subscript(key: String) -> TemplateValue? {
        get { first { ExactText($0.key) == ExactText(key) }?.value }
        set {
            let index = firstIndex { ExactText($0.key) == ExactText(key) }
            switch (index, newValue) {
            case (let index?, let value?): self[index].value = value
            case (let index?, nil): remove(at: index)
            case (nil, let value?): append(TemplateValue.Member(key, value))
            case (nil, nil): break
            }
        }
    }
}
