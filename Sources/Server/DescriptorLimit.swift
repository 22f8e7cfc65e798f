internal import Glibc

/// How many files and connections this process may have open.
package struct DescriptorLimit: Equatable, Sendable {
    /// What applies.
    package let soft: Int
    /// How far that may be raised.
    package let hard: Int

    /// Descriptors that are not for clients' connections: the store, files, and those of each worker.
    private static let (own, ofWorker) = (108, 20)

    /// What applies now.
    ///
    /// - Returns: nil where the system does not say
    package static func current() -> DescriptorLimit? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        return DescriptorLimit(soft: Int(clamping: limit.rlim_cur), hard: Int(clamping: limit.rlim_max))
    }

    /// Raises the soft limit to the hard one.
    ///
    /// - Returns: what applies then, or nil where nothing was to be raised
    static func raise() -> DescriptorLimit? {
        guard let now = current(), now.soft < now.hard else { return nil }
        var limit = rlimit(rlim_cur: rlim_t(now.hard), rlim_max: rlim_t(now.hard))
        if now.hard == .max { limit = rlimit(rlim_cur: rlim_t.max, rlim_max: rlim_t.max) }
        guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        return current()
    }

    /// How many connections there is room for.
    ///
    /// - Parameter workers: how many there are
    /// - Returns: half of the limit where it is low
    func connections(besides workers: Int) -> Int {
        let own = Self.own + Self.ofWorker * workers
        return max(8, soft >= 2 * own ? soft - own : soft / 2)
    }
}
