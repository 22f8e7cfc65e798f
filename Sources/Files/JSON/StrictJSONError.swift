/// Why bytes are not the JSON that was asked for, and where.
package struct StrictJSONError: Error, Equatable {
    /// What can be wrong.
    package enum Fault: Equatable, Sendable {
        case endsEarly
        case expected(String)
        case invalidUTF8
        case controlCharacter
        case invalidEscape
        case loneSurrogate
        case tooDeep(limit: Int)
        case negative
        case notWhole
        case tooLarge
        case invalidNumber
        case outOfRange
        case textAfterTheEnd
        case tooManyElements(limit: Int)
        case tooManyValues(limit: Int)
        case keyTooLong(limit: Int)
        case unknownKey(String)
        case duplicateKey(String)
        case missingKey(String)
    }

    /// What is wrong.
    package let fault: Fault
    /// The byte at which it was noticed, counted from the beginning of the text.
    package let offset: Int

    package init(fault: Fault, offset: Int) {
        (self.fault, self.offset) = (fault, offset)
    }
}

extension StrictJSONError: CustomStringConvertible {
    package var description: String { "\(fault) at byte \(offset) of the JSON" }
}

extension StrictJSONError.Fault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .endsEarly: "an end in the middle of a value"
        case .expected(let what): "something else where \(what) belongs"
        case .invalidUTF8: "a string that is not UTF-8"
        case .controlCharacter: "a control character in a string"
        case .invalidEscape: "an escape that JSON does not have"
        case .loneSurrogate: "half of a surrogate pair"
        case .tooDeep(let limit): "more than \(limit) nested arrays and objects"
        case .negative: "a negative number"
        case .notWhole: "a number that is not whole"
        case .tooLarge: "a number that does not fit 63 bits"
        case .invalidNumber: "a malformed number"
        case .outOfRange: "a number beyond 64-bit floats"
        case .textAfterTheEnd: "text after the end of the value"
        case .tooManyElements(let limit): "an array of more than \(limit) elements"
        case .tooManyValues(let limit): "more than \(limit) values"
        case .keyTooLong(let limit): "a key of more than \(limit) bytes"
        case .unknownKey(let key): "a key \(key.quoted), which the format does not have,"
        case .duplicateKey(let key): "the key \(key.quoted) twice"
        case .missingKey(let key): "no \(key)"
        }
    }
}
