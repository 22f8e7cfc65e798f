import Glibc

/// Reads a file that a user names.
enum InputFile {
    /// The most bytes that are read.
    static let limit = 512 << 20

    /// The last failed call's reason, in the system's words.
    static var lastReason: String { String(cString: strerror(errno)) }

    /// - Returns: the whole file
    /// - Throws: `.cannotRead`, also for what is not a regular file
    static func read(_ path: String) throws(MediaError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .cannotRead(path: path, reason: lastReason) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .cannotRead(path: path, reason: lastReason) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .cannotRead(path: path, reason: "Not a regular file") }
        let size = Int(status.st_size)
        guard size <= limit else { throw .cannotRead(path: path, reason: "It has more than \(limit) bytes") }
        var bytes = [UInt8](repeating: 0, count: size)
        var filled = 0
        while filled < size {
            let count = bytes[filled...].withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .cannotRead(path: path, reason: lastReason) }
            if count == 0 { break }
            filled += count
        }
        return Array(bytes.prefix(filled))
    }
}
