import Glibc

/// A file that appears under its name complete or not at all.
///
/// The bytes go to a temporary file in the same folder, which takes the name on `commit` and is removed if there is none.
package struct AtomicFile: ~Copyable {
    private let path: String
    /// Where the bytes lie until the file has its name, for libraries that write files by themselves.
    package let temporaryPath: String
    private let descriptor: Int32

    /// - Throws: ``FileError``, also where something else than a regular file has the name
    package init(replacing path: String) throws(FileError) {
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        let temporaryPath = "\(folder).\(String(UInt64.random(in: 0...UInt64.max), radix: 36)).partial"
        let descriptor = try Self.create(temporaryPath, for: path)
        (self.path, self.temporaryPath, self.descriptor) = (path, temporaryPath, descriptor)
    }

    private static func create(_ temporaryPath: String, for path: String) throws(FileError) -> Int32 {
        var status = stat()
        guard stat(path, &status) != 0 || status.st_mode & S_IFMT == S_IFREG else { throw FileError(path, .notRegular) }
        let descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw FileError(path, .cannotWrite(reason: InputFile.lastReason)) }
        return descriptor
    }

    deinit {
        close(descriptor)
        unlink(temporaryPath)
    }

    /// - Throws: ``FileError``, as when the disk is full
    package func append(_ bytes: [UInt8]) throws(FileError) {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw FileError(path, .cannotWrite(reason: InputFile.lastReason)) }
            written += count
        }
    }

    /// Gives the file its name once its bytes are on the disk.
    ///
    /// - Throws: ``FileError``; the temporary file is then gone
    package consuming func commit() throws(FileError) {
        guard fsync(descriptor) == 0 || errno == EINVAL, rename(temporaryPath, path) == 0 else {
            throw FileError(path, .cannotWrite(reason: InputFile.lastReason))
        }
    }

    /// Writes a whole file at once.
    ///
    /// - Parameters:
    ///   - bytes: what it holds
    ///   - path: its name
    /// - Throws: ``FileError``; the file of that name is then as it was
    package static func write(_ bytes: [UInt8], to path: String) throws(FileError) {
        let file = try AtomicFile(replacing: path)
        try file.append(bytes)
        try file.commit()
    }
}
