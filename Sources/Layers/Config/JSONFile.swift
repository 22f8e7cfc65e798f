internal import Files
internal import Foundation

/// Reads the small JSON files of a checkpoint.
package enum JSONFile {
    /// No config is longer; what claims to be one is not read at all.
    private static let lengthLimit = 16 << 20

    /// The object that a file holds.
    ///
    /// - Parameter path: the file
    /// - Returns: its keys and values
    package static func object(at path: String) throws(ConfigError) -> [String: Any] {
        guard let values = try value(at: path) as? [String: Any] else {
            throw ConfigError(file: path, fault: .notAnObject)
        }
        return values
    }

    private static func value(at path: String) throws(ConfigError) -> Any {
        let text: [UInt8]
        do {
            text = try InputFile(reading: path).readModelPart(limit: lengthLimit)
        } catch {
            switch error.fault {
            case .tooLarge(let bytes, _): throw ConfigError(file: path, fault: .tooLong(bytes))
            case .foreign(let content): throw ConfigError(file: path, fault: .foreign(content))
            default: throw ConfigError(file: path, fault: .unreadable)
            }
        }
        if text.isEmpty { throw ConfigError(file: path, fault: .empty) }
        do {
            return try JSONSerialization.jsonObject(with: Data(text.withoutByteOrderMark), options: [.fragmentsAllowed])
        } catch {
            throw ConfigError(file: path, fault: .notJSON)
        }
    }
}
