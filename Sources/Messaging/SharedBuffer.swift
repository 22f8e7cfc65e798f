internal import CLinux
internal import Glibc

/// Memory of two processes, for what is too large for a message.
///
/// It has no name, so nothing is left when both are gone, and neither side maps it, so that none can be killed by the
/// other's truncating it. Unlike `shm_open`, `memfd_create` is not bound to the size of `/dev/shm`, which is 64 MB in many
/// containers.
package final class SharedBuffer: Sendable {
    /// The descriptor, which a child process inherits under a number of its own.
    package let descriptor: Int32

    /// Makes an empty buffer.
    ///
    /// - Throws: ``MessagingError/system(_:reason:)``
    package init() throws(MessagingError) {
        descriptor = linux_memory_file("visualgen")
        guard descriptor >= 0 else { throw .system("memfd_create", reason: String(cString: strerror(errno))) }
    }

    /// Takes over a buffer that the parent process made.
    ///
    /// - Parameter descriptor: its number in this process
    package init(inherited descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Gives the buffer a size, and zeros in place of what it held.
    ///
    /// - Parameter count: how many bytes it holds then
    /// - Throws: ``MessagingError/system(_:reason:)``
    package func clear(to count: Int) throws(MessagingError) {
        guard ftruncate(descriptor, 0) == 0, ftruncate(descriptor, count) == 0 else {
            throw Self.failure("growing the shared memory")
        }
    }

    /// Writes some bytes.
    ///
    /// - Parameters:
    ///   - bytes: what is written
    ///   - offset: where they go
    /// - Throws: ``MessagingError/system(_:reason:)``, as when there is no memory left
    package func write(_ bytes: ArraySlice<UInt8>, at offset: Int) throws(MessagingError) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                pwrite(descriptor, $0.baseAddress.map { $0 + done }, bytes.count - done, offset + done)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Self.failure("writing the shared memory") }
            done += count
        }
    }

    /// Adds bytes behind all that were there since it was last cleared, taken out or not.
    ///
    /// - Parameter bytes: what is added
    /// - Returns: where they lie
    /// - Throws: ``MessagingError/system(_:reason:)``, as when there is no memory left
    package func append(_ bytes: [UInt8]) throws(MessagingError) -> Int {
        let end = try size()
        try write(bytes[...], at: end)
        return end
    }

    /// Takes out some of what was added and gives its memory back.
    ///
    /// - Parameters:
    ///   - count: how many bytes
    ///   - offset: where they lie
    /// - Returns: the bytes
    /// - Throws: ``MessagingError/system(_:reason:)``, also if there are fewer
    package func take(_ count: Int, at offset: Int) throws(MessagingError) -> [UInt8] {
        let bytes = try read(count, at: offset)
        // Where that is not possible, the memory goes with the rest.
        linux_punch_hole(descriptor, offset, count)
        return bytes
    }

    /// Takes out what the buffer holds and gives its memory back.
    ///
    /// - Parameter count: how many bytes are expected
    /// - Returns: the bytes
    /// - Throws: ``MessagingError/system(_:reason:)``, also if there are fewer
    package func take(_ count: Int) throws(MessagingError) -> [UInt8] {
        let size = try size()
        guard size == count else {
            throw .system("reading the shared memory", reason: "it has \(size) bytes instead of \(count)")
        }
        let bytes = try read(count, at: 0)
        ftruncate(descriptor, 0)
        return bytes
    }

    private func size() throws(MessagingError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Self.failure("measuring the shared memory") }
        return Int(status.st_size)
    }

    private func read(_ count: Int, at offset: Int) throws(MessagingError) -> [UInt8] {
        var read = 0
        errno = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while read < count {
                let part = pread(descriptor, buffer.baseAddress.map { $0 + read }, count - read, offset + read)
                if part < 0, errno == EINTR { continue }
                if part <= 0 { break }
                read += part
            }
            filled = read
        }
        guard read == count else {
            if errno != 0 { throw Self.failure("reading the shared memory") }
            throw .system("reading the shared memory", reason: "\(count - read) of \(count) bytes are missing")
        }
        return bytes
    }

    private static func failure(_ call: String) -> MessagingError {
        .system(call, reason: String(cString: strerror(errno)))
    }
}
