import Logging
import Synchronization

/// A log's messages, with all they tell.
final class LogLines: Sendable {
    private let lines = Mutex<[(level: Logger.Level, message: String, text: String)]>([])

    /// The messages alone, with their levels.
    var messages: [(level: Logger.Level, message: String)] { lines.withLock { $0.map { ($0.level, $0.message) } } }
    /// Everything.
    var all: [String] { lines.withLock { $0.map(\.text) } }
    /// What is an error.
    var errors: [String] { lines.withLock { $0.filter { $0.level == .error }.map(\.text) } }

    var log: Logger {
        var log = Logger(label: "tests") { _ in Handler(lines: self) }
        log.logLevel = .trace
        return log
    }

    private struct Handler: LogHandler {
        let lines: LogLines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let values = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
            let text = (["\(event.message)"] + values.map { "\($0.key): \($0.value)" }).joined(separator: " ")
            lines.lines.withLock { $0.append((event.level, "\(event.message)", text)) }
        }
    }
}
