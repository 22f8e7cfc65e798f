internal import Glibc

/// The limits on a process's memory that a shell's `ulimit` sets, in bytes; nil where there is none.
package struct ProcessLimits: Sendable, Equatable {
    /// Of all its addresses (`RLIMIT_AS`).
    package var addresses: Int?
    /// Of its data (`RLIMIT_DATA`).
    package var data: Int?

    /// Those of this process.
    package init() {
        self.init(addresses: Self.limit(RLIMIT_AS), data: Self.limit(RLIMIT_DATA))
    }

    /// - Parameters:
    ///   - addresses: of all its addresses
    ///   - data: of its data
    package init(addresses: Int?, data: Int?) { (self.addresses, self.data) = (addresses, data) }

    /// What the process has now, in bytes.
    struct Footprint {
        /// Addresses, with memory behind them or not.
        var addresses = 0
        /// Memory.
        var resident = 0
        /// Addresses of data, with memory behind them or not.
        var data = 0
    }

    /// How much memory the process may come to have.
    ///
    /// Addresses without memory, such as the stacks of threads, count against the limits and not as memory.
    ///
    /// - Parameter footprint: what it has now
    /// - Returns: nil if nothing limits it
    func memory(_ footprint: Footprint) -> Int? {
        let bounds = [
            addresses.map { $0 - max(0, footprint.addresses - footprint.resident) },
            data.map { $0 - max(0, footprint.data - footprint.resident) },
        ]
        return bounds.compactMap { $0 }.min()
    }

    private static func limit(_ resource: __rlimit_resource) -> Int? {
        var limit = rlimit()
        // Without a limit it is the largest number.
        guard getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0 else { return nil }
        return Int(exactly: limit.rlim_cur)
    }
}
