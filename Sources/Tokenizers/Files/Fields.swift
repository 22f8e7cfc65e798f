internal import Files

/// An object of a JSON file, with typed access that names file and key when it fails.
struct Fields {
    let file: String
    /// Where the object lies in the file, as `model` or `normalizer.normalizers[1]`; empty for the whole file.
    let path: String
    let members: [JSON.Member]

    /// - Throws: ``TokenizerError/wrongType(file:key:expected:)`` if the value is no object
    init(_ value: JSON, file: String, path: String) throws {
        guard case .object(let members) = value else {
            let key = path.isEmpty ? "the top level" : path
            throw TokenizerError.wrongType(file: file, key: key, expected: "an object")
        }
        self.file = file
        self.path = path
        self.members = members
    }

    /// The full name of a key, for errors.
    func name(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    /// The last value given for the key; nil if there is none or it is null.
    subscript(key: String) -> JSON? {
        guard let value = members.last(where: { $0.key == key })?.value, value != .null else { return nil }
        return value
    }

    func required(_ key: String) throws -> JSON {
        guard let value = self[key] else { throw TokenizerError.missing(file: file, key: name(key)) }
        return value
    }

    func wrongType(_ key: String, _ expected: String) -> TokenizerError {
        .wrongType(file: file, key: name(key), expected: expected)
    }

    func invalid(_ key: String, _ reason: String) -> TokenizerError {
        .invalid(file: file, key: name(key), reason: reason)
    }

    func unsupported(_ key: String, _ value: String) -> TokenizerError {
        .unsupported(file: file, key: name(key), name: value)
    }

    func stringIfPresent(_ key: String) throws -> String? {
        guard let value = self[key] else { return nil }
        guard case .string(let string) = value else { throw wrongType(key, "a string") }
        return string
    }

    func string(_ key: String) throws -> String {
        guard let string = try stringIfPresent(key) else { throw TokenizerError.missing(file: file, key: name(key)) }
        return string
    }

    func bool(_ key: String, default standard: Bool) throws -> Bool {
        guard let value = self[key] else { return standard }
        guard case .bool(let bool) = value else { throw wrongType(key, "true or false") }
        return bool
    }

    func bool(_ key: String) throws -> Bool {
        _ = try required(key)
        return try bool(key, default: false)
    }

    func integerIfPresent(_ key: String) throws -> Int? {
        guard let value = self[key] else { return nil }
        guard case .integer(let integer) = value else { throw wrongType(key, "a whole number") }
        return integer
    }

    func array(_ key: String) throws -> [JSON] {
        guard case .array(let array) = try required(key) else { throw wrongType(key, "a list") }
        return array
    }

    func fieldsIfPresent(_ key: String) throws -> Fields? {
        guard let value = self[key] else { return nil }
        return try Fields(value, file: file, path: name(key))
    }

    func fields(_ key: String) throws -> Fields { try Fields(required(key), file: file, path: name(key)) }

    /// Each object of a list.
    func list(_ key: String) throws -> [Fields] {
        try array(key).enumerated().map { try Fields($1, file: file, path: "\(name(key))[\($0)]") }
    }

    /// A token's number, within what the interface can carry.
    func token(_ key: String) throws -> Int32 {
        guard let id = try integerIfPresent(key) else { throw TokenizerError.missing(file: file, key: name(key)) }
        guard let id = Int32(exactly: id), id >= 0 else { throw invalid(key, "\(id) is not a token's number") }
        return id
    }

    /// Refuses every key that is not listed: an option that nobody reads could change the result.
    func allow(_ keys: String...) throws {
        for member in members where member.value != .null && !keys.contains(member.key) && member.key != "type" {
            throw unsupported(member.key, "an option")
        }
    }
}
