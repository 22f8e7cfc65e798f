/// A value of a configuration before it is known what it is for: what YAML, JSON and dictionaries have in common.
///
/// It can be written as a literal: `["cfg_size": 2, "async_ulysses": true, "attn2d_size": [2, 2]]`.
public enum ConfigValue: Sendable, Equatable {
    /// No value.
    case null
    /// True or false.
    case bool(Bool)
    /// A whole number.
    case int(Int)
    /// A number with a fraction, or one too large to be whole.
    case double(Double)
    /// Text.
    case string(String)
    /// Values in order.
    case list([ConfigValue])
    /// Values by name.
    case mapping([String: ConfigValue])
}

extension ConfigValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// The value of the literal `nil`.
    ///
    /// - Parameter nilLiteral: nothing
    public init(nilLiteral: ()) { self = .null }

    /// The value of `true` or `false`.
    ///
    /// - Parameter value: the literal
    public init(booleanLiteral value: Bool) { self = .bool(value) }

    /// The value of a literal such as `2`.
    ///
    /// - Parameter value: the literal
    public init(integerLiteral value: Int) { self = .int(value) }

    /// The value of a literal such as `0.5`.
    ///
    /// - Parameter value: the literal
    public init(floatLiteral value: Double) { self = .double(value) }

    /// The value of a literal such as `"VANILLA"`.
    ///
    /// - Parameter value: the literal
    public init(stringLiteral value: String) { self = .string(value) }

    /// The value of a literal such as `[2, 2]`.
    ///
    /// - Parameter elements: the literal's elements
    public init(arrayLiteral elements: ConfigValue...) { self = .list(elements) }

    /// The value of a literal such as `["cfg_size": 2]`; of a name given twice the last value counts.
    ///
    /// - Parameter elements: the literal's pairs
    public init(dictionaryLiteral elements: (String, ConfigValue)...) {
        self = .mapping(Dictionary(elements) { _, last in last })
    }
}

extension ConfigValue: CustomStringConvertible {
    /// The value on one line, as YAML reads it back: JSON, with names in alphabetical order.
    public var description: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .int(let value): "\(value)"
        case .double(let value): value.isNaN ? ".nan" : value.isInfinite ? (value < 0 ? "-.inf" : ".inf") : "\(value)"
        case .string(let text): text.quoted(limit: nil)
        case .list(let values): "[\(values.map(\.description).joined(separator: ", "))]"
        case .mapping(let fields):
            "{"
                + fields.sorted { $0.key < $1.key }.map { "\($0.key.quoted(limit: nil)): \($0.value)" }
                .joined(separator: ", ") + "}"
        }
    }

    /// The value in a sentence about it.
    var mention: String {
        switch self {
        case .null, .bool, .int: description
        case .double(let value): value.mention
        case .string(let text): "the text \(text.quoted(limit: 80))"
        case .list: "a list"
        case .mapping: "a mapping"
        }
    }
}
