internal import Files
internal import Glibc
internal import Synchronization

/// A folder that this process has for itself, and may rely on as long as the files in it are the ones it opened.
///
/// Two locks keep others out: one on a file of the folder, one on the folder itself, which holds when the file is removed.
final class FolderClaim: Sendable {
    let path: String
    private let folder: Int32
    /// The file `lock`.
    private let lock: Int32
    /// Files that must not be replaced, by name, kept open so that their inode number is not reused.
    private let watched = Mutex<[String: Int32]>([:])

    /// - Parameters:
    ///   - path: the folder, which exists
    ///   - accepts: asked before anything is changed in it
    init(_ path: String, accepts: () throws(ServerError) -> Void) throws(ServerError) {
        self.path = path
        let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw .folder(path, reason: InputFile.lastReason) }
        do throws(ServerError) {
            try Self.refuseSharedFolder(folder, path)
            // Some network file systems lock no folders; there the file has to do.
            if flock(folder, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK { throw .folderInUse(path) }
            try accepts()
            lock = try Self.openLock(in: path)
        } catch {
            Glibc.close(folder)
            throw error
        }
        self.folder = folder
        watch("lock")
    }

    deinit {
        for descriptor in watched.withLock({ $0.values }) { Glibc.close(descriptor) }
        Glibc.close(lock)
        Glibc.close(folder)
    }

    private static func openLock(in path: String) throws(ServerError) -> Int32 {
        let lock = open("\(path)/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
        guard lock >= 0 else { throw .folder(path, reason: "lock: \(InputFile.lastReason)") }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let isLocked = errno == EWOULDBLOCK
            let reason = InputFile.lastReason
            Glibc.close(lock)
            throw isLocked ? .folderInUse(path) : .folder(path, reason: "lock: \(reason)")
        }
        return lock
    }

    /// A folder that all users share, such as `/` or `/tmp`, is not made one user's own.
    private static func refuseSharedFolder(_ folder: Int32, _ path: String) throws(ServerError) {
        guard let claimed = FileStamp(of: folder) else { throw .folder(path, reason: InputFile.lastReason) }
        if claimed.isSameFile(as: FileStamp(of: "/")) || claimed.permissions & 0o1002 == 0o1002 {
            throw .folder(path, reason: "all users share this folder; the server needs one of its own")
        }
    }

    /// Keeps others than this user out of the folder; where it is not this user's to close, its files are closed only.
    func close() throws(ServerError) {
        guard let claimed = FileStamp(of: folder) else { throw .folder(path, reason: InputFile.lastReason) }
        guard claimed.permissions & 0o777 != 0o700, claimed.owner == geteuid() else { return }
        guard fchmod(folder, 0o700) == 0 || errno == EPERM || errno == EROFS || errno == ENOTSUP else {
            throw .folder(path, reason: InputFile.lastReason)
        }
    }

    /// Whether others than this user may enter the folder.
    var isOpenToOthers: Bool {
        (FileStamp(of: folder)?.permissions ?? 0) & 0o077 != 0
    }

    /// `O_PATH`, which Swift does not take over from the system's headers.
    private static let nameOnly: Int32 = 0o10_000_000

    /// Notes what has a name now: from here on it must stay that.
    ///
    /// - Parameter name: a file or a folder
    func watch(_ name: String) {
        // Not opened for reading: closing that would take SQLite's locks of the file with it.
        let descriptor = open("\(path)/\(name)", Self.nameOnly | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        if let former = watched.withLock({ $0.updateValue(descriptor, forKey: name) }) { Glibc.close(former) }
    }

    /// The first thing that was removed or replaced since; nil as long as all is well.
    var lost: String? {
        guard Self.isStill(folder, path) else { return "the folder" }
        let all = watched.withLock { $0 }
        return all.sorted { $0.key < $1.key }.first { !Self.isStill($0.value, "\(path)/\($0.key)") }?.key
    }

    private static func isStill(_ descriptor: Int32, _ path: String) -> Bool {
        FileStamp(of: descriptor)?.isSameFile(as: FileStamp(of: path)) ?? false
    }
}
