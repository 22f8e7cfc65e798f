internal import Diffusion
package import Files

/// The fields of a request, read one by one; what nobody read is refused by name.
///
/// A form's fields are texts: numbers, truth values and objects are read from them, and an empty text counts as absent.
package struct RequestFields {
    let isForm: Bool
    private var values: [String: JSON]
    private var files: [String: [Upload]]
    /// Fields of a form that came several times.
    private var repeated: Set<String> = []
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
    /// - Throws: ``APIError`` where names contradict each other
    package init(_ form: MultipartForm) throws(APIError) {
        do throws(FormFault) {
            let fields = try FormFields(form)
            isForm = true
            files = fields.files.mapValues { parts in
                parts.map { Upload(name: $0.fileName ?? $0.name, bytes: Array($0.bytes)) }
            }
            (values, repeated) = (fields.values, fields.repeated)
        } catch {
            throw .invalid(error.message, param: error.field, code: error.code)
        }
    }

    /// The value of a field, nil if it is absent or null.
    mutating func value(_ name: String) -> JSON? {
        known.append(name)
        guard let value = values.removeValue(forKey: name) else { return textOfFile(name) }
        guard !repeated.contains(name) else {
            refuse(name, "\(name) is given twice", code: "duplicate_parameter")
            return nil
        }
        return value == .null ? nil : value
    }

    /// What a client sent as a file, though the field wants none.
    private mutating func textOfFile(_ name: String) -> JSON? {
        guard let sent = files.removeValue(forKey: name), let file = sent.first else { return nil }
        guard sent.count == 1, let text = String(validating: file.bytes, as: UTF8.self) else {
            refuse(name, sent.count > 1 ? "\(name) is given twice" : "\(name) is a file that is no text in UTF-8")
            return nil
        }
        return text.isEmpty ? nil : .string(text)
    }

    /// The items of a field's list, or its value as the only one; in forms a text of JSON is what it holds.
    mutating func items(_ name: String) -> [JSON] {
        repeated.remove(name)
        let items = value(name).map { expanded($0) } ?? []
        guard isForm, items.contains(where: \.looksLikeJSON) else { return items }
        refuse(name, "\(name) is no valid JSON")
        return []
    }

    private func expanded(_ value: JSON) -> [JSON] {
        value.items.flatMap { item in
            guard isForm, item.looksLikeJSON, case .string(let text) = item else { return [item] }
            return JSON(text: text)?.items ?? [item]
        }
    }

    /// Puts other values in the place of a field's items.
    mutating func change(_ name: String, _ body: (JSON) async throws -> JSON) async rethrows {
        guard let value = values[name] else { return }
        guard isForm else { return values[name] = try await body(value) }
        values[name] = try await body(.array(expanded(value)))
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
        let unknown = Set(values.keys).union(files.keys).sorted()
        for name in unknown.prefix(MessageLimit.items) {
            let nearest = name.nearest(of: known).map { "; did you mean \($0)?" } ?? ""
            problems.append(
                (
                    name,
                    "unknown request field \(name.quoted): parameters that only one model has go into extra_params"
                        + nearest, "unknown_parameter"
                ))
        }
        guard let first = problems.first else { return }
        let more = unknown.count - MessageLimit.items
        let rest = more > 0 ? ["and \(more) more unknown request fields"] : []
        throw .invalid(
            (problems.map(\.message) + rest).list(separator: "; "), param: first.field, code: first.code)
    }
}

// The types of fields.
extension RequestFields {
    /// A text of at most so many bytes: what is longer than any of its kind is not looked at.
    mutating func text(_ name: String, bytes limit: Int = 1024) -> String? {
        guard let value = value(name) else { return nil }
        if case .string(let text) = value {
            if text.utf8.count <= limit { return text }
            refuse(name, "\(name) has \(text.utf8.count) bytes; at most \(limit) are taken", code: "string_too_long")
            return nil
        }
        refuse(name, value, expected: "a text")
        return nil
    }

    mutating func integer(_ name: String, _ range: ClosedRange<Int>) -> Int? {
        guard let value = value(name) else { return nil }
        if let number = (isForm ? value.number : value).wholeNumber, range.contains(number) { return number }
        let upper = range.upperBound == .max ? "9223372036854775807" : "\(range.upperBound)"
        refuse(name, value, expected: "a whole number from \(range.lowerBound) to \(upper)")
        return nil
    }

    /// A number, as JSON or, in forms and where `asText`, as a text that holds one as JSON writes it.
    mutating func number(_ name: String, _ range: ClosedRange<Double>, asText: Bool = false) -> Double? {
        guard let value = value(name) else { return nil }
        let number: Double? =
            switch isForm || asText ? value.number : value {
            case .integer(let number): Double(number)
            case .number(let number): number
            default: nil
            }
        if let number, range.contains(number) { return number }
        refuse(name, value, expected: "a number from \(range.lowerBound) to \(range.upperBound)")
        return nil
    }

    mutating func flag(_ name: String) -> Bool? {
        guard let value = value(name) else { return nil }
        if case .bool(let flag) = isForm ? value.flag : value { return flag }
        refuse(name, value, expected: "true or false")
        return nil
    }

    /// One of some words.
    mutating func choice(_ name: String, _ words: [String]) -> String? {
        guard let value = value(name) else { return nil }
        if let word = value.word, words.contains(word) { return word }
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
