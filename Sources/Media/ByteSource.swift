internal import Files
internal import Glibc

/// A file's bytes, in memory or on a disk; of those on a disk only what is asked for is read.
struct ByteSource: ~Copyable {
    let size: Int
    /// Held open as long as its number is read from.
    private let file: InputFile?
    private let number: Int32?
    private let path: String
    /// What was read last, and where it begins.
    private var window: ArraySlice<UInt8>
    private var start = 0

    init(_ bytes: [UInt8]) {
        (size, number, path, window) = (bytes.count, nil, "", bytes[...])
        file = nil
    }

    /// - Parameter path: a regular file
    /// - Throws: `.cannotRead`
    init(path: String) throws(MediaError) {
        do throws(FileError) {
            let file = try InputFile(reading: path)
            size = try file.regularFileSize()
            number = file.number
            self.file = .some(file)
        } catch {
            throw .cannotRead(path: error.path, reason: error.fault.reason)
        }
        (self.path, window) = (path, [])
    }

    /// The bytes from an offset on; nil where there are fewer.
    ///
    /// - Throws: `.cannotRead`
    mutating func bytes(at offset: Int, size wanted: Int) throws(MediaError) -> ArraySlice<UInt8>? {
        guard offset >= 0, wanted >= 0, offset <= size, wanted <= size - offset else { return nil }
        if offset < start || offset + wanted > start + window.count { try read(offset, wanted) }
        return window.field(at: offset - start, size: wanted)
    }

    private mutating func read(_ offset: Int, _ wanted: Int) throws(MediaError) {
        guard let number else { return }
        let room = min(max(wanted, 1 << 16), size - offset)
        var reason: String?
        let read = [UInt8](unsafeUninitializedCapacity: room) { buffer, filled in
            while filled < room {
                let place = buffer.baseAddress?.advanced(by: filled)
                let count = pread(number, place, room - filled, off_t(offset + filled))
                if count < 0, errno == EINTR { continue }
                if count < 0 { reason = InputFile.lastReason }
                if count <= 0 { break }
                filled += count
            }
        }
        if let reason { throw .cannotRead(path: path, reason: reason) }
        (window, start) = (read[...], offset)
    }
}
