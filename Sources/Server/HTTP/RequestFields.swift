internal import Diffusion
package import Files

/// The fields of a request, read one by one; what nobody read is refused by name.
///
/// A form's fields are texts: numbers and truth values are read from them, and an empty text counts as absent.
package struct RequestFields {
    private let isForm: Bool
    private var values: [String: JSON]
    private var files: [String: [Upload]]
    private var known: [String] = []
    /// What is wrong so far, in the order of the reading.
    private(set) var problems: [(field: String, message: String, code: String)] = []

    /// - Parameter members: a JSON object's
    /// - Throws: ``APIError`` where a field comes twice
    package init(_ members: [JSON.Member]) throws(APIError) {
        (isForm, files, values) = (false, [:], [:])
        for member in members where values.updateValue(member.value, forKey: member.key) != nil {
            throw .invalid("\(member.key) is given twice", param: member.key, code: "duplicate_parameter")
        }
    }

    /// - Parameter form: a form's parts
    /// - Throws: ``APIError`` where a field comes twice
    package init(_ form: MultipartForm) throws(APIError) {
        (isForm, files, values) = (true, [:], [:])
        for part in form.parts {
            // `image[]` is how clients name the items of a list.
            let name = part.name.hasSuffix("[]") ? String(part.name.dropLast(2)) : part.name
            if let fileName = part.fileName {
                files[name, default: []].append(Upload(name: fileName, bytes: Array(part.bytes)))
                continue
            }
            guard let text = part.text else { throw .invalid("\(name) is not UTF-8", param: name) }
            if text.isEmpty { continue }
            guard values.updateValue(.string(text), forKey: name) == nil else {
                throw .invalid("\(name) is given twice", param: name, code: "duplicate_parameter")
            }
        }
    }

    /// The value of a field, nil if it is absent or null.
    mutating func value(_ name: String) -> JSON? {
        known.append(name)
        guard let value = values.removeValue(forKey: name), value != .null else { return nil }
        return value
    }

    /// Puts another value in the place of a field's, if it has one.
    mutating func change(_ name: String, _ body: (JSON) async throws -> JSON) async rethrows {
        if let value = values[name] { values[name] = try await body(value) }
    }

    /// The files of a field.
    mutating func uploads(_ name: String) -> [Upload] {
        known.append(name)
        return files.removeValue(forKey: name) ?? []
    }

    /// Notes a problem.
    mutating func refuse(_ field: String, _ message: String, code: String = "invalid_value") {
        problems.append((field, message, code))
    }

    /// Notes that a field has another value than it may.
    mutating func refuse(_ field: String, _ value: JSON, expected: String) {
        refuse(field, "\(field) is \(value.told); it must be \(expected)")
    }

    /// Ends the reading.
    ///
    /// - Throws: ``APIError`` with every problem, the first as its field
    package func finish() throws(APIError) {
        var problems = problems
        for name in (Array(values.keys) + files.keys).sorted() {
            let nearest = name.nearest(of: known).map { "; did you mean \($0)?" } ?? ""
            problems.append(
                (
                    name,
                    "unknown request field \(name.quoted): parameters that only one model has go into extra_params"
                        + nearest, "unknown_parameter"
                ))
        }
        guard let first = problems.first else { return }
        throw .invalid(problems.map(\.message).joined(separator: "; "), param: first.field, code: first.code)
    }
}

// The types of fields.
extension RequestFields {
    mutating func text(_ name: String) -> String? {
        guard let value = value(name) else { return nil }
        if case .string(let text) = value { return text }
        refuse(name, value, expected: "a text")
        return nil
    }

    mutating func integer(_ name: String, _ range: ClosedRange<Int>) -> Int? {
        guard let value = value(name) else { return nil }
        if case .integer(let number) = value, range.contains(number) { return number }
        if isForm, case .string(let text) = value, let number = Int(text), range.contains(number) { return number }
        let upper = range.upperBound == .max ? "9223372036854775807" : "\(range.upperBound)"
        refuse(name, value, expected: "a whole number from \(range.lowerBound) to \(upper)")
        return nil
    }

    /// A number, as JSON or, where `asText`, as a text that holds one.
    mutating func number(_ name: String, _ range: ClosedRange<Double>, asText: Bool = false) -> Double? {
        guard let value = value(name) else { return nil }
        let number: Double? =
            switch value {
            case .integer(let number): Double(number)
            case .number(let number): number
            case .string(let text): isForm || asText ? Double(text) : nil
            default: nil
            }
        if let number, range.contains(number) { return number }
        refuse(name, value, expected: "a number from \(range.lowerBound) to \(range.upperBound)")
        return nil
    }

    mutating func flag(_ name: String) -> Bool? {
        guard let value = value(name) else { return nil }
        switch value {
        case .bool(let flag): return flag
        case .string("true") where isForm: return true
        case .string("false") where isForm: return false
        default:
            refuse(name, value, expected: "true or false")
            return nil
        }
    }

    /// One of some words.
    mutating func choice(_ name: String, _ words: [String]) -> String? {
        guard let value = value(name) else { return nil }
        if case .string(let word) = value, words.contains(word) { return word }
        refuse(name, value, expected: words.joined(separator: ", "))
        return nil
    }

    /// An object, in forms a text that holds one.
    mutating func object(_ name: String) -> [JSON.Member]? {
        guard let value = value(name) else { return nil }
        if case .object(let members) = value { return members }
        if isForm, case .string(let text) = value, case .object(let members)? = JSON(text: text) { return members }
        refuse(name, value, expected: "an object")
        return nil
    }
}

extension JSON {
    /// The value of a text, nil if it is no JSON.
    init?(text: String) {
        var reader = StrictJSONReader(Array(text.utf8))
        guard let value = try? reader.value(), (try? reader.end()) != nil else { return nil }
        self = value
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
