internal import Foundation

/// The value of a parameter whose type the family decides; as JSON it is the plain value.
package enum ParameterValue: Sendable, Equatable {
    case number(Double)
    case bool(Bool)
    case text(String)
    case list([ParameterValue])
    case null

    /// The number, if it is one.
    package var number: Double? { if case .number(let number) = self { number } else { nil } }
    /// The flag, if it is one.
    package var flag: Bool? { if case .bool(let flag) = self { flag } else { nil } }
    /// The text, if it is one.
    package var text: String? { if case .text(let text) = self { text } else { nil } }
    /// The items of a list, or the value itself as the only one.
    package var items: [ParameterValue] { if case .list(let items) = self { items } else { [self] } }
}

extension ParameterValue: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let flag = try? container.decode(Bool.self) {
            self = .bool(flag)
        } else if let number = try? container.decode(Double.self) {
            self = .number(number)
        } else if let text = try? container.decode(String.self) {
            self = .text(text)
        } else {
            self = .list(try container.decode([ParameterValue].self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .number(let number): try container.encode(number)
        case .bool(let flag): try container.encode(flag)
        case .text(let text): try container.encode(text)
        case .list(let items): try container.encode(items)
        case .null: try container.encodeNil()
        }
    }
}

extension ParameterValue {
    /// Takes over what `JSONSerialization` read.
    ///
    /// - Parameter json: a value; nil for an object, which no parameter is
    package init?(json: Any) {
        switch json {
        case let text as String: self = .text(text)
        case let number as NSNumber where String(cString: number.objCType) == "c": self = .bool(number.boolValue)
        case let number as NSNumber: self = .number(number.doubleValue)
        case let items as [Any]: self = .list(items.compactMap(ParameterValue.init(json:)))
        case is NSNull: self = .null
        default: return nil
        }
    }
}

extension ParameterValue: CustomStringConvertible {
    package var description: String {
        switch self {
        case .number(let number): "\(number)"
        case .bool(let flag): "\(flag)"
        case .text(let text): "\"\(text)\""
        case .list(let items): "[\(items.map(\.description).joined(separator: ", "))]"
        case .null: "null"
        }
    }
}
