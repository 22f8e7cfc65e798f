internal import Files
internal import Foundation
internal import Logging

/// The server's log: a line on standard error for each message, `time level message key=value …`.
struct LineLog: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info
    private let label: String

    init(label: String) { self.label = label }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        let values = all.sorted { $0.key < $1.key }.map { "\($0.key)=\(Self.quoted("\($0.value)"))".onOneLine }
        let line = [Date().ISO8601Format(), event.level.rawValue, "\(event.message)".onOneLine] + values
        StandardError.write(line.joined(separator: " ") + "\n")
    }

    /// A value of more than one word in quotation marks, without line breaks.
    private static func quoted(_ value: String) -> String {
        let isPlain = value.unicodeScalars.allSatisfy {
            !$0.properties.isWhitespace && $0 != "\"" && $0 != "=" && !$0.isCommand
        }
        if isPlain, !value.isEmpty { return value }
        let escaped = value.unicodeScalars.map { $0 == "\\" || $0 == "\"" ? "\\\($0)" : String($0) }.joined()
        return "\"\(escaped)\""
    }
}
