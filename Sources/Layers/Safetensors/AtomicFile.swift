import Glibc

/// A file that appears under its name complete or not at all.
///
/// The bytes go to a temporary file in the same folder, which takes the name on `commit` and is removed if there is none.
struct AtomicFile: ~Copyable {
    private let path: String
    private let temporaryPath: String
    private let descriptor: Int32

    /// - Throws: `.file`, also where something else than a regular file has the name
    init(replacing path: String) throws(SafetensorsError) {
        let temporaryPath = path.siblingPath(".\(String(UInt64.random(in: 0...UInt64.max), radix: 36)).partial")
        let descriptor = try Self.create(temporaryPath, for: path)
        (self.path, self.temporaryPath, self.descriptor) = (path, temporaryPath, descriptor)
    }

    private static func create(_ temporaryPath: String, for path: String) throws(SafetensorsError) -> Int32 {
        var status = stat()
        guard stat(path, &status) != 0 || status.st_mode & S_IFMT == S_IFREG else { throw .file(path, .notRegular) }
        let descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw .file(path, .cannotWrite(reason: FileDescriptor.lastReason)) }
        return descriptor
    }

    deinit {
        close(descriptor)
        unlink(temporaryPath)
    }

    /// - Throws: `.file`, as when the disk is full
    func append(_ bytes: [UInt8]) throws(SafetensorsError) {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .file(path, .cannotWrite(reason: FileDescriptor.lastReason)) }
            written += count
        }
    }

    /// Gives the file its name once its bytes are on the disk.
    ///
    /// - Throws: `.file`; the temporary file is then gone
    consuming func commit() throws(SafetensorsError) {
        guard fsync(descriptor) == 0 || errno == EINVAL, rename(temporaryPath, path) == 0 else {
            throw .file(path, .cannotWrite(reason: FileDescriptor.lastReason))
        }
    }
}
