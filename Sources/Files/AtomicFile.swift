package import Glibc

/// A file that appears under its name complete or not at all.
///
/// The bytes go to a temporary file in the same folder, which takes the name on `commit` and is removed if there is none.
package struct AtomicFile: ~Copyable {
    private let path, folder: String
    /// Where the bytes lie until the file has its name, for libraries that write files by themselves.
    package let temporaryPath: String
    private let descriptor: Int32

    /// - Parameters:
    ///   - path: the name
    ///   - permissions: the file's, as far as the process gives any
    /// - Throws: ``FileError``, also where something else than a regular file has the name
    package init(replacing path: String, permissions: mode_t = 0o666) throws(FileError) {
        let folder = path.pathFolder
        let temporaryPath = "\(folder).\(String(UInt64.random(in: 0...UInt64.max), radix: 36)).partial"
        let descriptor = try Self.create(temporaryPath, for: path, permissions)
        (self.path, self.temporaryPath, self.descriptor) = (path, temporaryPath, descriptor)
        self.folder = folder.isEmpty ? "." : folder
    }

    /// Whether a name is one that files have here until they have their own.
    ///
    /// - Parameter name: without its folder
    /// - Returns: whether it has that shape
    package static func isTemporary(_ name: String) -> Bool {
        guard name.hasPrefix("."), name.hasSuffix(".partial") else { return false }
        let middle = name.utf8.dropFirst().dropLast(8)
        return (1...13).contains(middle.count)
            && middle.allSatisfy { (48...57).contains($0) || (97...122).contains($0) }
    }

    private static func create(
        _ temporaryPath: String, for path: String, _ permissions: mode_t
    ) throws(FileError) -> Int32 {
        var status = stat()
        guard stat(path, &status) != 0 || status.st_mode & S_IFMT == S_IFREG else { throw FileError(path, .notRegular) }
        let descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, permissions)
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

    /// Writes bytes at a place that nothing else is appended to.
    ///
    /// - Throws: ``FileError``, as when the disk is full
    package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileError) {
        var written = 0
        while written < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
            let count = pwrite(descriptor, rest.baseAddress, rest.count, offset + written)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw FileError(path, .cannotWrite(reason: InputFile.lastReason)) }
            written += count
        }
    }

    /// Gives the file its name once its bytes are on the disk; then the name is there too.
    ///
    /// - Throws: ``FileError``; the temporary file is then gone
    package consuming func commit() throws(FileError) {
        guard fsync(descriptor) == 0 || errno == EINVAL, rename(temporaryPath, path) == 0 else {
            throw FileError(path, .cannotWrite(reason: InputFile.lastReason))
        }
        try Folder.sync(folder)
    }

    /// Writes a whole file at once.
    ///
    /// - Parameters:
    ///   - bytes: what it holds
    ///   - path: its name
    ///   - permissions: the file's, as far as the process gives any
    /// - Throws: ``FileError``; the file of that name is then as it was
    package static func write(
        _ bytes: [UInt8], to path: String, permissions: mode_t = 0o666
    ) throws(FileError) {
        let file = try AtomicFile(replacing: path, permissions: permissions)
        try file.append(bytes)
        try file.commit()
    }
}
