import Glibc

/// Writes a file so that it appears under its name complete or not at all.
enum AtomicFile {
    /// The bytes go to a temporary file in the same folder, which takes the name once they are on the disk.
    ///
    /// - Throws: `.cannotWrite`; the temporary file is then gone
    static func write(_ bytes: [UInt8], to path: String) throws(MediaError) {
        var status = stat()
        guard stat(path, &status) != 0 || status.st_mode & S_IFMT == S_IFREG else {
            throw .cannotWrite(path: path, reason: "Not a regular file")
        }
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        let temporary = folder + ".\(String(UInt64.random(in: 0...UInt64.max), radix: 36)).partial"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw .cannotWrite(path: path, reason: InputFile.lastReason) }
        var reason = append(bytes, to: descriptor)
        if reason == nil, fsync(descriptor) != 0, errno != EINVAL { reason = InputFile.lastReason }
        close(descriptor)
        if reason == nil, rename(temporary, path) != 0 { reason = InputFile.lastReason }
        guard let reason else { return }
        unlink(temporary)
        throw .cannotWrite(path: path, reason: reason)
    }

    /// - Returns: the system's reason if it does not take all bytes
    private static func append(_ bytes: [UInt8], to descriptor: Int32) -> String? {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count <= 0 { return InputFile.lastReason }
            written += count
        }
        return nil
    }
}
