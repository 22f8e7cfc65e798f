internal import Foundation

/// How busy the workers were at each change, as TensorRT-LLM's `/metrics` tells it; what was read is gone.
struct IterationLog: Sendable {
    /// One change.
    struct Entry: Codable, Sendable, Equatable {
        var iter = 0
        var timestamp = ""
        let numQueuedRequests, numActiveRequests, currentStepsProcessed: Int
        let currentRequestId: String?
        let currentRequestStepIdx: Int
    }

    private static let limit = 1000

    private var entries: [Entry] = []
    private var count = 0

    mutating func add(_ entry: Entry) {
        var entry = entry
        count += 1
        (entry.iter, entry.timestamp) = (count, Date().ISO8601Format())
        entries.append(entry)
        if entries.count > Self.limit { entries.removeFirst() }
    }

    mutating func take() -> [Entry] {
        defer { entries = [] }
        return entries
    }
}
