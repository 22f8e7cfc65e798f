internal import Files

// What clients write, and what they are told of it.
extension JSON {
    /// The value of a text, nil if it is no JSON.
    init?(text: String) {
        let limits = ServerLimits()
        var reader = StrictJSONReader(Array(text.utf8), keyLimit: limits.nameBytes, valueLimit: limits.values)
        guard let value = try? reader.value(), (try? reader.end()) != nil else { return nil }
        self = value
    }

    /// The text, if it is one that is no longer than any word or number: only such are compared with others.
    var word: String? {
        guard case .string(let text) = self, text.utf8.count <= MessageLimit.nameBytes else { return nil }
        return text
    }

    /// The items of a list, or the value itself as the only one.
    var items: [JSON] { if case .array(let items) = self { items } else { [self] } }

    /// Whether it is a text that begins as an object or a list does.
    var looksLikeJSON: Bool {
        guard case .string(let text) = self, let first = text.utf8.first(where: { $0 > 0x20 }) else { return false }
        return first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
    }

    /// A text that holds a number as that number, anything else as it is.
    ///
    /// It is written as JSON writes it: decimal, without a plus sign, and with nothing around it.
    var number: JSON {
        guard case .string(let text) = self, text.utf8.count <= 400, let first = text.utf8.first,
            let last = text.utf8.last, first > 0x20, last > 0x20
        else { return self }
        switch JSON(text: text) {
        case .integer(let number): return .integer(number)
        case .number(let number): return .number(number)
        default: return self
        }
    }

    /// A text that is a truth value as that value, anything else as it is.
    var flag: JSON {
        guard case .string(let text) = self, text.utf8.count <= 5 else { return self }
        return switch text.lowercased() {
        case "true", "1": .bool(true)
        case "false", "0": .bool(false)
        default: self
        }
    }

    /// The whole number, if it is one, though it may be written `2.0`; without a fraction only as far as 64-bit floats count.
    var wholeNumber: Int? {
        switch self {
        case .integer(let number): number
        case .number(let number) where abs(number) <= 0x1p53: Int(exactly: number)
        default: nil
        }
    }

    /// The value in a message, cut where it is long.
    var told: String {
        switch self {
        case .null: "null"
        case .bool(let flag): "\(flag)"
        case .integer(let number): "\(number)"
        case .number(let number): "\(number)"
        case .string(let text): text.quoted
        case .array: "a list"
        case .object: "an object"
        }
    }
}
