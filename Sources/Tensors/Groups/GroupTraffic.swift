/// What a rank has sent to the others of its group.
package struct GroupTraffic: Sendable, Equatable {
    /// The kinds of calls.
    package enum Operation: String, Sendable, CaseIterable {
        case allReduce, allGather, reduceScatter, allToAll, broadcast, exchange, barrier
    }

    /// Calls of one kind.
    package struct Count: Sendable, Equatable {
        /// How many there were.
        package var calls: Int
        /// The bytes of numbers that left this rank, none of what it keeps.
        package var bytes: Int

        /// Counts.
        ///
        /// - Parameters:
        ///   - calls: how many there were
        ///   - bytes: the bytes of numbers that left this rank
        package init(calls: Int = 0, bytes: Int = 0) { (self.calls, self.bytes) = (calls, bytes) }
    }

    private var counts: [Operation: Count] = [:]

    /// No traffic.
    package init() {}

    /// What one kind of calls sent.
    package subscript(operation: Operation) -> Count { counts[operation] ?? Count() }

    /// What all of them sent together.
    package var total: Count {
        counts.values.reduce(Count()) { Count(calls: $0.calls + $1.calls, bytes: $0.bytes + $1.bytes) }
    }

    /// Counts one call.
    mutating func add(_ operation: Operation, bytes: Int) {
        counts[operation, default: Count()].calls += 1
        counts[operation, default: Count()].bytes += bytes
    }
}
