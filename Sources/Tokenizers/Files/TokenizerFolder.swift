internal import Foundation

/// The files of a tokenizer's folder, read when asked for.
struct TokenizerFolder: Sendable {
    /// No tokenizer file is larger; the largest published one has 35 MB.
    private static let maximumSize = 512 << 20

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
        return try Fields(JSON.read(bytes(file), file: file), file: file, path: "")
    }

    private static func bytes(_ file: String) throws -> [UInt8] {
        do {
            let data = try Data(contentsOf: URL(fileURLWithPath: file), options: .mappedIfSafe)
            guard data.count <= maximumSize else {
                throw TokenizerError.unreadable(file: file, reason: "it has \(data.count) bytes")
            }
            return Array(data)
        } catch let error as TokenizerError {
            throw error
        } catch {
            throw TokenizerError.unreadable(file: file, reason: error.localizedDescription)
        }
    }
}
