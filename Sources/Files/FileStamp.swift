package import Glibc

/// Which file has a name, and since when it is as it is: another file, or other bytes, have another stamp.
package struct FileStamp: Equatable, Sendable {
    private let device, inode: UInt64
    /// In bytes.
    package let size: Int
    /// The user whose it is.
    package let owner: uid_t
    /// What it is and who may use it, as `st_mode` has it.
    private let mode: mode_t
    private let modified, changed: Time

    private struct Time: Equatable, Sendable {
        let seconds, nanoseconds: Int

        init(_ time: timespec) { (seconds, nanoseconds) = (time.tv_sec, time.tv_nsec) }
    }

    /// - Parameter path: links are followed; nil if nothing has this name
    package init?(of path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    /// - Parameter path: a link is not followed; nil if nothing has this name
    package init?(ofLink path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    /// - Parameter descriptor: an open file's; nil comes of one that is not open
    package init?(of descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        self.init(status)
    }

    private init(_ status: stat) {
        (device, inode, size) = (UInt64(status.st_dev), UInt64(status.st_ino), Int(status.st_size))
        (owner, mode) = (status.st_uid, status.st_mode)
        (modified, changed) = (Time(status.st_mtim), Time(status.st_ctim))
    }

    /// Who may do what with it, in the bits of `chmod`.
    package var permissions: mode_t { mode & 0o7777 }

    package var isRegularFile: Bool { mode & S_IFMT == S_IFREG }
    package var isFolder: Bool { mode & S_IFMT == S_IFDIR }

    /// Whether it is the same file, whatever was written to it since.
    ///
    /// - Parameter other: the stamp of the same name at another time; nil if nothing had the name
    /// - Returns: whether it is
    package func isSameFile(as other: FileStamp?) -> Bool { device == other?.device && inode == other?.inode }
}
