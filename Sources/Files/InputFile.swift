import Glibc

/// An open file, closed at the end of its life.
package struct InputFile: ~Copyable {
    /// The system's number of it.
    package let number: Int32
    private let path: String

    /// Opens for reading.
    ///
    /// A pipe does not block: that it is not a regular file is found out afterwards.
    package init(reading path: String) throws(FileError) {
        let number = try Self.open(path)
        (self.number, self.path) = (number, path)
    }

    private static func open(_ path: String) throws(FileError) -> Int32 {
        let number = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard number >= 0 else { throw FileError(path, .cannotOpen(reason: lastReason)) }
        return number
    }

    deinit { close(number) }

    /// The last failed call's reason, in the system's words.
    package static var lastReason: String { String(cString: strerror(errno)) }

    package func regularFileSize() throws(FileError) -> Int {
        var status = stat()
        guard fstat(number, &status) == 0 else { throw FileError(path, .cannotOpen(reason: Self.lastReason)) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw FileError(path, .notRegular) }
        return Int(status.st_size)
    }

    /// The whole of a small file.
    package func readAll(limit: Int) throws(FileError) -> [UInt8] {
        let size = try regularFileSize()
        guard size <= limit else { throw FileError(path, .tooLarge(bytes: size, limit: limit)) }
        var bytes = [UInt8](repeating: 0, count: size)
        var filled = 0
        while filled < size {
            let count = bytes[filled...].withUnsafeMutableBytes { pread(number, $0.baseAddress, $0.count, filled) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileError(path, .cannotRead(reason: Self.lastReason)) }
            if count == 0 { break }
            filled += count
        }
        return Array(bytes.prefix(filled))
    }

    /// The whole of a small file of a model, unless it is plainly something else: a pointer, a page, an archive.
    ///
    /// - Parameter limit: the most bytes that are read
    /// - Returns: its bytes
    package func readModelPart(limit: Int) throws(FileError) -> [UInt8] {
        let bytes = try readAll(limit: limit)
        if let content = ForeignContent(bytes) { throw FileError(path, .foreign(content)) }
        return bytes
    }
}
