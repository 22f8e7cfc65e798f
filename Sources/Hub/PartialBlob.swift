internal import Files
internal import Foundation

/// The bytes of a blob that are here so far, in a file that outlives a broken download.
///
/// Each byte is written at its own offset and the file is never cut: where locks do not work, two writers of one blob write
/// the same bytes.
final class PartialBlob {
    private let path: String
    private let file: RepositoryFile
    private var descriptor: Int32
    private var hasher: ContentHasher
    /// How many of the first bytes are here.
    private(set) var size = 0

    /// Opens what an earlier download left, or begins.
    ///
    /// - Parameters:
    ///   - path: the partial file
    ///   - file: what it is to become
    /// - Throws: ``FileError``, `CancellationError`
    init(at path: String, of file: RepositoryFile) async throws {
        (self.path, self.file) = (path, file)
        hasher = ContentHasher(for: file)
        descriptor = try Self.open(path)
        var status = stat()
        if fstat(descriptor, &status) == 0, status.st_size <= file.size {
            try await hashPresentBytes(Int(status.st_size))
        } else {
            try restart()
        }
    }

    deinit { close(descriptor) }

    private static func open(_ path: String) throws(FileError) -> Int32 {
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
        guard descriptor >= 0 else { throw FileError(path, .cannotWrite(reason: InputFile.lastReason)) }
        return descriptor
    }

    private func hashPresentBytes(_ count: Int) async throws {
        var block = [UInt8](repeating: 0, count: min(count, 4 << 20))
        while size < count {
            try Task.checkCancellation()
            let part = block.withUnsafeMutableBytes { block in
                let part = pread(descriptor, block.baseAddress, min(block.count, count - size), off_t(size))
                if part > 0 { hasher.update(UnsafeRawBufferPointer(rebasing: block[..<part])) }
                return part
            }
            guard part >= 0 else { throw FileError(path, .cannotRead(reason: InputFile.lastReason)) }
            if part == 0 { break }
            size += part
            await Task.yield()
        }
    }

    /// Adds the next bytes.
    ///
    /// - Parameter bytes: at most as many as the file still lacks
    /// - Throws: ``FileError``, as when the disk is full
    func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        var written = 0
        while written < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
            let count = pwrite(descriptor, rest.baseAddress, rest.count, off_t(size))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw FileError(path, .cannotWrite(reason: InputFile.lastReason)) }
            hasher.update(UnsafeRawBufferPointer(rebasing: rest[..<count]))
            written += count
            size += count
        }
    }

    /// Whether the bytes are all here and have the file's hash.
    var isWhole: Bool { size == file.size && hasher.isSatisfied }

    /// Forgets all bytes.
    func restart() throws(FileError) {
        unlink(path)
        let fresh = try Self.open(path)
        close(descriptor)
        descriptor = fresh
        hasher = ContentHasher(for: file)
        size = 0
    }

    /// Removes the file.
    func discard() { unlink(path) }

    /// Gives the file its blob's name once its bytes are on the disk.
    ///
    /// - Parameter blob: the name, on the same file system
    func commit(as blob: String) throws(FileError) {
        guard fsync(descriptor) == 0 || errno == EINVAL, rename(path, blob) == 0 else {
            throw FileError(blob, .cannotWrite(reason: InputFile.lastReason))
        }
        try Folder.sync(Folder.parent(of: blob))
    }
}
