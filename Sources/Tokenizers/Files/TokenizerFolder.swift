internal import Files
internal import Foundation

/// The files of a tokenizer's folder, read when asked for.
struct TokenizerFolder: Sendable {
    /// No tokenizer file is larger; the largest published one has 35 MB.
    private static let lengthLimit = 512 << 20
    /// The deepest nesting accepted; tokenizer files need about 8.
    private static let depthLimit = 64

    private let path: String
    /// `tokenizer.json`, if the folder has it.
    let tokenizer: Fields?

    init(_ path: String) throws {
        self.path = path
        tokenizer = try Self.fieldsIfPresent(path, "tokenizer.json")
    }

    func fieldsIfPresent(_ name: String) throws -> Fields? { try Self.fieldsIfPresent(path, name) }

    func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: "\(path)/\(name)") }

    /// - Throws: ``TokenizerError/unreadable(file:reason:)``
    func bytes(_ name: String) throws -> [UInt8] { try Self.bytes("\(path)/\(name)") }

    /// The full path of a file, which errors name.
    func file(_ name: String) -> String { "\(path)/\(name)" }

    private static func fieldsIfPresent(_ folder: String, _ name: String) throws -> Fields? {
        let file = "\(folder)/\(name)"
        guard FileManager.default.fileExists(atPath: file) else { return nil }
        var reader = StrictJSONReader(try bytes(file), depthLimit: depthLimit)
        let value: JSON
        do {
            value = try reader.value()
            try reader.end()
        } catch {
            throw TokenizerError.malformed(file: file, offset: error.offset, reason: "\(error.fault)")
        }
        return try Fields(value, file: file, path: "")
    }

    private static func bytes(_ file: String) throws -> [UInt8] {
        do {
            return try InputFile(reading: file).readModelPart(limit: lengthLimit)
        } catch {
            throw TokenizerError.unreadable(file: file, reason: error.fault.reason)
        }
    }
}
