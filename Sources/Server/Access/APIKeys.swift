internal import Crypto
internal import Files
internal import Foundation
internal import Synchronization

/// The keys of a file, read again when it changes.
package final class APIKeys: Sendable {
    private struct State {
        var keys: [APIKey]
        var stamp: Date?
        var lastLook: ContinuousClock.Instant
    }

    private static let fileLimit = 1 << 20

    private let path: String
    private let state: Mutex<State>

    /// Reads the file.
    ///
    /// - Parameter path: one key a line; empty lines and lines that begin with `#` do not count
    /// - Throws: `FileError` or ``ServerError/keys(_:line:reason:)``
    package init(path: String) throws {
        self.path = path
        state = Mutex(State(keys: try Self.read(path), stamp: Self.stamp(path), lastLook: .now))
    }

    /// Whose key this is.
    ///
    /// Every key of the file is compared, each in the same time whatever it is.
    ///
    /// - Parameter key: what the client sent
    /// - Returns: who that is, or nil for a key that is unknown or expired
    func principal(of key: String) -> Principal? {
        let hash = Array(SHA256.hash(data: Data(key.utf8)))
        var found: APIKey?
        for key in current() where key.has(hash) { found = key }
        guard let found, found.expires.map({ $0 > Date() }) ?? true else { return nil }
        return Principal(owner: found.name, scopes: found.scopes, highestPriority: found.highestPriority)
    }

    /// The keys of now.
    ///
    /// Once a second the file is looked at; one that can no longer be read leaves the keys as they were.
    private func current() -> [APIKey] {
        state.withLock { state in
            if ContinuousClock.now - state.lastLook > .seconds(1) {
                state.lastLook = .now
                let stamp = Self.stamp(path)
                if stamp != state.stamp, let keys = try? Self.read(path) { (state.keys, state.stamp) = (keys, stamp) }
            }
            return state.keys
        }
    }

    private static func stamp(_ path: String) -> Date? {
        (try? FileManager.default.attributesOfItem(atPath: path))?[.modificationDate] as? Date
    }

    private static func read(_ path: String) throws -> [APIKey] {
        let text = String(decoding: try InputFile(reading: path).readAll(limit: fileLimit), as: UTF8.self)
        var keys: [APIKey] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = line.drop { $0.isWhitespace }
            if line.isEmpty || line.hasPrefix("#") { continue }
            do throws(APIKey.Fault) {
                let key = try APIKey(line: line)
                if keys.contains(where: { $0.name == key.name }) {
                    throw APIKey.Fault(reason: "there are two keys \(key.name)")
                }
                keys.append(key)
            } catch {
                throw ServerError.keys(path, line: index + 1, reason: error.reason)
            }
        }
        return keys
    }
}
