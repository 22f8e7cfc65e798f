internal import Foundation
internal import Glibc

/// A folder that only this user may enter, removed with what is in it at the end of its life.
///
/// A process that is killed leaves its folder behind; the next one made beside it removes it.
final class PrivateFolder: Sendable {
    let path: String
    /// The folder, open and locked as long as it is in use.
    private let lock: Int32

    /// - Throws: ``SystemFailure``
    init() throws(SystemFailure) {
        let environment = ProcessInfo.processInfo.environment
        // A socket's path has at most 107 bytes.
        var parent = "/tmp"
        for name in ["TMPDIR", "XDG_RUNTIME_DIR"] {
            if let folder = environment[name], folder.hasPrefix("/"), folder.utf8.count < 80,
                access(folder, W_OK | X_OK) == 0
            {
                parent = folder
            }
        }
        Self.sweep(parent)
        var template = Array("\(parent)/\(Self.prefix)XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemFailure("making a folder in \(parent)", errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        flock(lock, LOCK_EX | LOCK_NB)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
        close(lock)
    }

    private static let prefix = "visualgen-"

    /// Removes what killed processes of this user left behind.
    private static func sweep(_ parent: String) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
        for name in names where name.hasPrefix(prefix) && name.utf8.count == prefix.utf8.count + 6 {
            let folder = open("\(parent)/\(name)", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
            guard folder >= 0 else { continue }
            defer { close(folder) }
            var status = stat()
            // One that is younger may not be locked yet.
            guard fstat(folder, &status) == 0, status.st_uid == getuid(), time(nil) - status.st_mtim.tv_sec > 60,
                flock(folder, LOCK_EX | LOCK_NB) == 0
            else { continue }
            try? FileManager.default.removeItem(atPath: "\(parent)/\(name)")
        }
    }
}
