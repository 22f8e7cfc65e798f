/// A JSON value, with objects in the order of the file.
package enum JSON: Sendable, Equatable {
    case null
    case bool(Bool)
    /// A number written without fraction and exponent that fits 64 bits.
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSON])
    case object([Member])

    /// One key of an object and its value.
    package struct Member: Sendable, Equatable {
        package let key: String
        package let value: JSON

        package init(key: String, value: JSON) {
            self.key = key
            self.value = value
        }
    }
}

extension StrictJSONReader {
    /// The next value, whatever it is.
    ///
    /// - Returns: the value and all it holds
    package mutating func value() throws(StrictJSONError) -> JSON {
        skipBlanks()
        switch current {
        case nil: throw error(.endsEarly)
        case UInt8(ascii: "{"): return .object(try members())
        case UInt8(ascii: "["): return .array(try elements())
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func members() throws(StrictJSONError) -> [JSON.Member] {
        var members: [JSON.Member] = []
        try beginObject()
        while let key = try nextKey() { members.append(JSON.Member(key: key, value: try value())) }
        return members
    }

    private mutating func elements() throws(StrictJSONError) -> [JSON] {
        var elements: [JSON] = []
        try beginArray()
        while try nextElement() { elements.append(try value()) }
        return elements
    }

    private mutating func word(_ word: String, _ value: JSON) throws(StrictJSONError) -> JSON {
        try skip(word)
        return value
    }

    private mutating func number() throws(StrictJSONError) -> JSON {
        let start = offset
        try skipNumber()
        let text = String(decoding: bytes[start..<offset], as: UTF8.self)
        if let integer = Int(text) { return .integer(integer) }
        guard let number = Double(text), number.isFinite else { throw error(.outOfRange) }
        return .number(number)
    }
}
