internal import Crypto
internal import Files
internal import Foundation
internal import HTTPTypes
package import Logging
internal import Synchronization

/// The keys of a file, which is read again when it changes: a removed key stops working.
///
/// If the file cannot be read, no key is valid. A malformed line only loses its own key. Each is an error in the log.
package final class APIKeys: Sendable {
    private struct State {
        var file: KeyFile
        var bytes: [UInt8]
        /// Why no key is valid; nil as long as the file can be read.
        var fault: String?
        var stamp: FileStamp?
        var lastLook = ContinuousClock.now
        var lastRead = ContinuousClock.now
        var refusals = 0
    }

    private static let fileLimit = 1 << 20
    private let path: String
    /// How often it is looked whether the file is another; every fifth time it is read even if it seems to be the same.
    private let interval: Duration
    private let log: Logger
    private let state: Mutex<State>

    /// Reads the file; at the start every line must be well formed.
    ///
    /// - Parameters:
    ///   - path: one key a line; empty lines and lines that begin with `#` do not count
    ///   - interval: how often it is looked whether the file is another
    ///   - log: told of what is refused later
    /// - Throws: ``ServerError``
    package init(
        path: String, interval: Duration = .seconds(1),
        log: Logger = Logger(label: "keys", factory: { _ in SwiftLogNoOpLogHandler() })
    ) throws(ServerError) {
        (self.path, self.interval, self.log) = (path, interval, log)
        let stamp = FileStamp(of: path)
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try InputFile(reading: path).readAll(limit: Self.fileLimit)
        } catch {
            throw .keyFile(path, reason: error.fault.description)
        }
        let file = KeyFile(bytes)
        if let fault = file.faults.first { throw .keys(path, line: fault.line, reason: fault.reason) }
        state = Mutex(State(file: file, bytes: bytes, stamp: stamp))
    }

    /// Whose key this is.
    ///
    /// Every key of the file is compared, each in the same time whatever it is.
    ///
    /// - Parameter key: what the client sent
    /// - Returns: who that is, or nil for a key that is unknown or expired
    /// - Throws: ``APIError`` where the file cannot be read
    func principal(of key: String) throws(APIError) -> Principal? {
        try requireFile()
        let hash = Array(SHA256.hash(data: Data(key.utf8)))
        var found: APIKey?
        for key in state.withLock({ $0.file.keys }) where key.has(hash) { found = key }
        guard let found, found.expires.map({ $0 > Date() }) ?? true else { return nil }
        return Principal(owner: found.name, scopes: found.scopes, highestPriority: found.highestPriority)
    }

    /// Refuses everyone as long as nobody knows which keys are valid.
    func requireFile() throws(APIError) {
        refresh()
        guard state.withLock({ $0.fault }) == nil else {
            throw APIError(
                .serviceUnavailable, "server_error", code: "keys_unavailable",
                "the file of keys cannot be read, so no key is valid", retryAfter: 5)
        }
    }

    /// How many keys count, how many lines or files are refused now, and how often something was refused.
    var figures: (keys: Int, faults: Int, refusals: Int) {
        refresh()
        return state.withLock { state in
            (state.file.keys.count, state.file.faults.count + (state.fault == nil ? 0 : 1), state.refusals)
        }
    }

    /// Looks at the file if that is due, and reads it if it is another or was not read for some seconds.
    package func refresh() {
        state.withLock { state in
            let now = ContinuousClock.now
            guard now - state.lastLook >= interval else { return }
            state.lastLook = now
            // Where a name leads that is a link; a change that leaves all numbers as they were is found by reading.
            let stamp = FileStamp(of: path)
            guard stamp != state.stamp || now - state.lastRead >= interval * 5 else { return }
            (state.stamp, state.lastRead) = (stamp, now)
            read(&state)
        }
    }

    private func read(_ state: inout State) {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try InputFile(reading: path).readAll(limit: Self.fileLimit)
        } catch {
            state.refusals += 1
            let reason = error.fault.description
            if state.fault != reason {
                log.error("no key is valid: the file of keys \(reason)", metadata: ["file": "\(path)"])
            }
            (state.fault, state.file, state.bytes) = (reason, KeyFile([]), [])
            return
        }
        if state.fault != nil { log.notice("the file of keys is read again", metadata: ["file": "\(path)"]) }
        if state.fault == nil, bytes == state.bytes {
            state.refusals += state.file.faults.isEmpty ? 0 : 1
            return
        }
        let file = KeyFile(bytes)
        for fault in file.faults where !state.file.faults.contains(fault) {
            log.error(
                "a line of the file of keys is refused: \(fault.reason)",
                metadata: ["file": "\(path)", "line": "\(fault.line)"])
        }
        state.refusals += file.faults.isEmpty ? 0 : 1
        (state.fault, state.file, state.bytes) = (nil, file, bytes)
    }
}
