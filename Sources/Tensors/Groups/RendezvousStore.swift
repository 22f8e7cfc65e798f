internal import CTorch

/// Where ranks find each other, and leave each other small messages.
///
/// A store over TCP asks one thing at a time: while one thread waits for a value, another that wants something of the same
/// store waits too. Each thread therefore takes a ``copy()``.
// @unchecked: the handle never changes, and LibTorch's stores hold a lock of their own during each call.
package final class RendezvousStore: @unchecked Sendable {
    let handle: ct_store
    /// The store that runs the server which this one asks.
    private let origin: RendezvousStore?

    private init(_ handle: ct_store, origin: RendezvousStore? = nil) { (self.handle, self.origin) = (handle, origin) }

    private convenience init(_ operation: StaticString, _ handle: ct_store?, origin: RendezvousStore? = nil)
        throws(TensorError)
    {
        guard let handle else { throw TensorError.ofThisThread(in: operation) }
        self.init(handle, origin: origin)
    }

    deinit { ct_store_release(handle) }

    /// Starts a server, which runs as long as the store or a copy of it lives.
    ///
    /// - Parameters:
    ///   - host: the name or address at which it listens, and no other
    ///   - port: 0 for any that is free
    ///   - timeout: how long an answer may take
    /// - Returns: a store that asks this server
    package static func hosting(host: String = "127.0.0.1", port: Int = 0, timeout: Duration) throws(TensorError)
        -> RendezvousStore
    {
        let port = try Self.port(port, in: "host_store", from: 0)
        return try RendezvousStore("host_store", ct_store_host(host, port, timeout.milliseconds))
    }

    /// Asks a server that runs, or starts in time.
    ///
    /// - Parameters:
    ///   - host: the name or address at which it listens
    ///   - port: its port
    ///   - timeout: how long to try, and how long an answer may take
    /// - Returns: a store that asks this server
    package static func joining(host: String, port: Int, timeout: Duration) throws(TensorError) -> RendezvousStore {
        let port = try Self.port(port, in: "join_store", from: 1)
        return try RendezvousStore("join_store", ct_store_join(host, port, timeout.milliseconds))
    }

    /// Keeps values in a file of this machine.
    ///
    /// - Parameters:
    ///   - path: a file that is not there, or that no earlier group used
    ///   - ranks: how many stores use it; the last removes it
    ///   - timeout: how long an answer may take
    /// - Returns: a store in this file
    package static func file(_ path: String, ranks: Int, timeout: Duration) throws(TensorError) -> RendezvousStore {
        let handle = ct_store_file(path, Int32(clamping: ranks), timeout.milliseconds)
        return try RendezvousStore("file_store", handle)
    }

    /// Keeps values in memory, for threads of this process.
    ///
    /// - Returns: a store without values
    package static func inProcess() -> RendezvousStore { RendezvousStore(ct_store_in_process()) }

    /// The port of a store over TCP; 0 for another.
    package var port: Int { Int(ct_store_port(handle)) }

    /// Another way to the same values, for another thread.
    ///
    /// - Returns: a store with a connection of its own
    package func copy() throws(TensorError) -> RendezvousStore {
        try RendezvousStore("copy_store", ct_store_copy(handle), origin: origin ?? self)
    }

    /// Leaves a value, in place of what was there.
    ///
    /// - Parameters:
    ///   - key: its name
    ///   - value: some bytes
    package func set(_ key: String, _ value: [UInt8]) throws(TensorError) {
        let status = withUnsafePointer(to: 0 as UInt8) { none in
            // An empty buffer has no address, but the shim wants one.
            value.withUnsafeBufferPointer { ct_store_set(handle, key, $0.baseAddress ?? none, $0.count) }
        }
        try check("set_in_store", status)
    }

    /// Waits for a value.
    ///
    /// - Parameters:
    ///   - key: its name
    ///   - time: how long to wait for it; zero asks whether it is there
    /// - Returns: nil when it is not there in time
    /// - Throws: ``TensorError``, also when the server is gone
    package func value(of key: String, within time: Duration) throws(TensorError) -> [UInt8]? {
        var value: [UInt8]?
        let status = withUnsafeMutablePointer(to: &value) { value in
            ct_store_get(
                handle, key, time.milliseconds,
                { context, bytes, count in
                    let buffer = UnsafeBufferPointer(start: bytes, count: count)
                    context.assumingMemoryBound(to: [UInt8]?.self).pointee = Array(buffer)
                }, value)
        }
        try check("wait_in_store", status)
        return value
    }

    /// Adds to a number, which is zero at first.
    ///
    /// - Parameters:
    ///   - key: its name
    ///   - amount: what to add
    /// - Returns: the sum
    package func add(_ key: String, _ amount: Int) throws(TensorError) -> Int {
        var sum: Int64 = 0
        try check("add_in_store", ct_store_add(handle, key, Int64(amount), &sum))
        return Int(sum)
    }

    /// Removes a value, if there is one.
    ///
    /// - Parameter key: its name
    package func remove(_ key: String) throws(TensorError) {
        try check("remove_in_store", ct_store_remove(handle, key))
    }

    private func check(_ operation: StaticString, _ status: ct_status) throws(TensorError) {
        guard status == 0 else { throw TensorError.ofThisThread(in: operation) }
    }

    private static func port(_ port: Int, in operation: StaticString, from least: Int) throws(TensorError) -> Int32 {
        guard (least...65535).contains(port) else {
            throw TensorError(operation: "\(operation)", message: "there is no port \(port)", kind: .other)
        }
        return Int32(port)
    }
}

extension Duration {
    /// Whole milliseconds, rounded up, no fewer than none.
    var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        // Longer than any wait, and far from what overflows.
        guard seconds < 1 << 40 else { return 1 << 50 }
        return max(0, seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
