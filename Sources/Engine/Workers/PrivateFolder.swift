internal import Files
internal import Foundation
internal import Glibc

/// A folder that only this user may enter, removed with what is in it at the end of its life.
///
/// A process that is killed leaves its folder behind; the next one made beside it removes it, if nothing else than
/// sockets lies in it.
package final class PrivateFolder: Sendable {
    let path: String
    /// The folder, open and locked as long as it is in use.
    private let lock: Int32

    init() throws(SystemFailure) {
        let environment = ProcessInfo.processInfo.environment
        // A socket's path has at most 107 bytes.
        var parent = "/tmp"
        for name in ["TMPDIR", "XDG_RUNTIME_DIR"] {
            if let folder = environment[name], folder.hasPrefix("/"), folder.utf8.count < 76,
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
        Folder.remove(path)
        close(lock)
    }

    private static let prefix = "visualgen-worker-"

    /// Removes what killed processes of this user left behind.
    ///
    /// - Parameter parent: where such folders are made
    package static func sweep(_ parent: String) {
        for name in (try? Folder.names(in: parent)) ?? []
        where name.hasPrefix(prefix) && name.utf8.count == prefix.utf8.count + 6 {
            let folder = open("\(parent)/\(name)", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
            guard folder >= 0 else { continue }
            defer { close(folder) }
            var status = stat()
            // One that is younger may not be locked yet.
            guard fstat(folder, &status) == 0, status.st_uid == getuid(), time(nil) - status.st_mtim.tv_sec > 60,
                status.st_mode & 0o777 == 0o700, flock(folder, LOCK_EX | LOCK_NB) == 0,
                holdsOnlySockets("\(parent)/\(name)")
            else { continue }
            Folder.remove("\(parent)/\(name)")
        }
    }

    private static func holdsOnlySockets(_ path: String) -> Bool {
        guard let names = try? Folder.names(in: path) else { return false }
        return names.allSatisfy { name in
            var status = stat()
            return lstat("\(path)/\(name)", &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
        }
    }
}
