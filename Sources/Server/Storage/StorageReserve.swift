internal import Files
internal import Glibc

/// Room on the disk that is given up when it is full, so that the store can still note what is removed.
struct StorageReserve: Sendable {
    static let name = "reserve"
    private static let bytes = 1 << 19

    private let path: String

    /// - Parameter folder: where the store lies
    init(in folder: String) { path = "\(folder)/\(Self.name)" }

    /// Takes the room, if there is any.
    func fill() {
        if let there = FileStamp(ofLink: path), !there.isRegularFile || there.size >= Self.bytes { return }
        let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { return }
        defer { close(file) }
        // Not with what little there is: half a reserve may be too small and takes the rest from others.
        if posix_fallocate(file, 0, off_t(Self.bytes)) != 0 { ftruncate(file, 0) }
    }

    /// Gives the room back.
    func release() {
        let file = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { return }
        ftruncate(file, 0)
        close(file)
    }
}
