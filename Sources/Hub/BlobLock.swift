internal import Files
internal import Foundation

/// The right to write one blob, held by one client of all processes until the end of its life.
final class BlobLock {
    private let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Waits for the right.
    ///
    /// The lock's file stays when it is given back: removing it would let two waiters hold two files of one name.
    ///
    /// - Parameter path: the lock's file, in a folder that exists
    /// - Returns: the lock
    /// - Throws: ``HubError``, `CancellationError`
    static func acquire(_ path: String) async throws -> BlobLock {
        while true {
            if let lock = try attempt(path) { return lock }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private static func attempt(_ path: String) throws(HubError) -> BlobLock? {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o664)
        guard descriptor >= 0 else { throw .file(FileError(path, .cannotWrite(reason: InputFile.lastReason))) }
        let lock = BlobLock(descriptor: descriptor)
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            if [EWOULDBLOCK, EACCES, EINTR].contains(errno) { return nil }
            throw .file(FileError(path, .cannotWrite(reason: InputFile.lastReason)))
        }
        // Another client may have removed the file between the opening and the locking.
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_nlink > 0 ? lock : nil
    }
}
