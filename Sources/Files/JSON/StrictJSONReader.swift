/// A pull reader for JSON that nobody vouches for.
///
/// The caller asks for what must come next, so memory follows what the caller keeps. Nesting is tracked in an array and
/// limited. Duplicate keys are the caller's to notice.
package struct StrictJSONReader {
    private enum Container { case array, object }
    private struct Level {
        let container: Container
        var isEmpty = true
    }

    let bytes: [UInt8]
    private let depthLimit, keyLimit, valueLimit: Int
    private var levels: [Level] = []
    private var valueCount = 0
    private(set) var offset = 0

    /// - Parameters:
    ///   - bytes: the text, behind a byte order mark or not
    ///   - depthLimit: the deepest nesting accepted
    ///   - keyLimit: the longest key accepted, in bytes: comparing long keys can take minutes
    ///   - valueLimit: how many values may lie in all arrays and objects together
    package init(_ bytes: [UInt8], depthLimit: Int = 16, keyLimit: Int = .max, valueLimit: Int = .max) {
        self.bytes = bytes
        (self.depthLimit, self.keyLimit, self.valueLimit) = (depthLimit, keyLimit, valueLimit)
        offset = bytes.withoutByteOrderMark.startIndex
    }

    // MARK: Containers

    package mutating func beginObject() throws(StrictJSONError) {
        try open(.object, with: UInt8(ascii: "{"), "an object")
    }

    package mutating func beginArray() throws(StrictJSONError) {
        try open(.array, with: UInt8(ascii: "["), "an array")
    }

    /// The next key of the innermost object, its colon read; nil once the object is closed.
    package mutating func nextKey() throws(StrictJSONError) -> String? {
        guard try next(closing: UInt8(ascii: "}")) else { return nil }
        let key = try string()
        guard key.utf8.count <= keyLimit else { throw error(.keyTooLong(limit: keyLimit)) }
        try take(UInt8(ascii: ":"), "a colon")
        return key
    }

    /// Whether the innermost array has another element, which then comes next; false once the array is closed.
    package mutating func nextElement() throws(StrictJSONError) -> Bool {
        try next(closing: UInt8(ascii: "]"))
    }

    /// Checks that only blanks are left.
    package mutating func end() throws(StrictJSONError) {
        skipBlanks()
        guard offset == bytes.count else { throw error(.textAfterTheEnd) }
    }

    // MARK: Values

    package mutating func string() throws(StrictJSONError) -> String {
        try take(UInt8(ascii: "\""), "a string")
        let start = offset
        while let byte = current, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { offset += 1 }
        guard isAt("\"") else { return try escapedString(from: start) }
        defer { offset += 1 }
        return try text(bytes[start..<offset], from: start)
    }

    /// A whole number from 0 to `Int.max`, without sign, fraction or exponent.
    package mutating func wholeNumber() throws(StrictJSONError) -> Int {
        skipBlanks()
        guard let first = current else { throw error(.endsEarly) }
        if first == UInt8(ascii: "-") { throw error(.negative) }
        guard Self.isDigit(first) else { throw error(.expected("a whole number")) }
        let start = offset
        var number = 0
        while let byte = current, Self.isDigit(byte) {
            let (tens, overflow) = number.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(Int(byte - UInt8(ascii: "0")))
            if overflow || carry { throw error(.tooLarge) }
            number = sum
            offset += 1
        }
        if first == UInt8(ascii: "0"), offset > start + 1 { throw error(.invalidNumber) }
        if isAt(".") || isAt("e") || isAt("E") { throw error(.notWhole) }
        return number
    }

    /// An array of at most `limit` whole numbers.
    package mutating func wholeNumbers(limit: Int) throws(StrictJSONError) -> [Int] {
        var numbers: [Int] = []
        try beginArray()
        while try nextElement() {
            guard numbers.count < limit else { throw error(.tooManyElements(limit: limit)) }
            numbers.append(try wholeNumber())
        }
        return numbers
    }

    /// An object of texts.
    ///
    /// - Parameters:
    ///   - keyLimit: the longest key, in bytes
    ///   - takingLast: whether a key may be there again, which then counts; else it is an error
    /// - Returns: the texts by key
    package mutating func texts(
        keyLimit: Int = .max, takingLast: Bool = false
    ) throws(StrictJSONError) -> [String: String] {
        var texts: [String: String] = [:]
        try beginObject()
        while let key = try nextKey() {
            guard key.utf8.count <= keyLimit else { throw error(.keyTooLong(limit: keyLimit)) }
            let before = texts.updateValue(try string(), forKey: key)
            guard before == nil || takingLast else { throw error(.duplicateKey(key)) }
        }
        return texts
    }

    /// Reads null, if it comes next.
    ///
    /// - Returns: whether it did
    package mutating func takeNull() throws(StrictJSONError) -> Bool {
        skipBlanks()
        guard current == UInt8(ascii: "n") else { return false }
        try skip("null")
        return true
    }

    /// Whether an object comes next.
    package mutating func isAtObject() -> Bool {
        skipBlanks()
        return current == UInt8(ascii: "{")
    }

    /// Reads over one value of any kind.
    package mutating func skipValue() throws(StrictJSONError) {
        let depth = levels.count
        repeat {
            try skipScalarOrOpen()
            while let level = levels.last, levels.count > depth {
                let goesOn = level.container == .object ? try nextKey() != nil : try nextElement()
                if goesOn { break }
            }
        } while levels.count > depth
    }
}

// MARK: - Pieces

extension StrictJSONReader {
    var current: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private func isAt(_ character: Unicode.Scalar) -> Bool { current == UInt8(ascii: character) }

    private static func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }

    package func error(_ fault: StrictJSONError.Fault) -> StrictJSONError {
        StrictJSONError(fault: fault, offset: offset)
    }

    mutating func skipBlanks() {
        while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { offset += 1 }
    }

    private mutating func take(_ byte: UInt8, _ name: String) throws(StrictJSONError) {
        skipBlanks()
        guard let found = current else { throw error(.endsEarly) }
        guard found == byte else { throw error(.expected(name)) }
        offset += 1
    }

    private mutating func open(_ container: Container, with byte: UInt8, _ name: String) throws(StrictJSONError) {
        try take(byte, name)
        guard levels.count < depthLimit else { throw error(.tooDeep(limit: depthLimit)) }
        levels.append(Level(container: container))
    }

    /// Steps over the comma, or over the closing byte and out of the container.
    private mutating func next(closing: UInt8) throws(StrictJSONError) -> Bool {
        precondition(!levels.isEmpty, "no container is open")
        skipBlanks()
        if current == closing {
            offset += 1
            levels.removeLast()
            return false
        }
        if !levels[levels.count - 1].isEmpty { try take(UInt8(ascii: ","), "a comma") }
        levels[levels.count - 1].isEmpty = false
        valueCount += 1
        guard valueCount <= valueLimit else { throw error(.tooManyValues(limit: valueLimit)) }
        return true
    }

    private func text(_ slice: ArraySlice<UInt8>, from start: Int) throws(StrictJSONError) -> String {
        guard let text = String(validating: slice, as: UTF8.self) else {
            throw StrictJSONError(fault: .invalidUTF8, offset: start)
        }
        return text
    }

    private mutating func escapedString(from start: Int) throws(StrictJSONError) -> String {
        var unescaped = Array(bytes[start..<offset])
        while let byte = current {
            switch byte {
            case UInt8(ascii: "\""):
                offset += 1
                return try text(unescaped[...], from: start)
            case UInt8(ascii: "\\"):
                offset += 1
                unescaped.append(contentsOf: String(try escape()).utf8)
            case ..<0x20: throw error(.controlCharacter)
            default:
                unescaped.append(byte)
                offset += 1
            }
        }
        throw error(.endsEarly)
    }

    /// The scalar that an escape stands for; the backslash has been read.
    private mutating func escape() throws(StrictJSONError) -> Unicode.Scalar {
        guard let byte = current else { throw error(.endsEarly) }
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try escapedScalar()
        default: throw error(.invalidEscape)
        }
    }

    /// The scalar of one escape of four digits, or of two that are a surrogate pair; the first `u` has been read.
    private mutating func escapedScalar() throws(StrictJSONError) -> Unicode.Scalar {
        let high = try codeUnit()
        if let scalar = Unicode.Scalar(high) { return scalar }
        guard high < 0xDC00, isAt("\\") else { throw error(.loneSurrogate) }
        offset += 1
        guard isAt("u") else { throw error(.loneSurrogate) }
        offset += 1
        let low = try codeUnit()
        guard 0xDC00...0xDFFF ~= low,
            let scalar = Unicode.Scalar(0x10000 + (UInt32(high - 0xD800) << 10) + UInt32(low - 0xDC00))
        else { throw error(.loneSurrogate) }
        return scalar
    }

    /// Four hexadecimal digits.
    private mutating func codeUnit() throws(StrictJSONError) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = current else { throw error(.endsEarly) }
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { throw error(.invalidEscape) }
            unit = unit << 4 | UInt16(digit)
            offset += 1
        }
        return unit
    }

    private mutating func skipScalarOrOpen() throws(StrictJSONError) {
        skipBlanks()
        switch current {
        case nil: throw error(.endsEarly)
        case UInt8(ascii: "{"): try beginObject()
        case UInt8(ascii: "["): try beginArray()
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "t"): try skip("true")
        case UInt8(ascii: "f"): try skip("false")
        case UInt8(ascii: "n"): try skip("null")
        default: try skipNumber()
        }
    }

    mutating func skip(_ word: String) throws(StrictJSONError) {
        for byte in word.utf8 {
            guard current == byte else { throw error(.expected("a value")) }
            offset += 1
        }
    }

    private mutating func skipDigits() throws(StrictJSONError) {
        let start = offset
        while let byte = current, Self.isDigit(byte) { offset += 1 }
        guard offset > start else { throw error(.invalidNumber) }
    }

    mutating func skipNumber() throws(StrictJSONError) {
        guard let first = current, first == UInt8(ascii: "-") || Self.isDigit(first) else {
            throw error(.expected("a value"))
        }
        if first == UInt8(ascii: "-") { offset += 1 }
        let leadsWithZero = isAt("0")
        let start = offset
        try skipDigits()
        if leadsWithZero, offset > start + 1 { throw error(.invalidNumber) }
        if isAt(".") {
            offset += 1
            try skipDigits()
        }
        guard isAt("e") || isAt("E") else { return }
        offset += 1
        if isAt("+") || isAt("-") { offset += 1 }
        try skipDigits()
    }
}
