internal import Synchronization

/// How far a download is.
package struct DownloadProgress: Sendable, Equatable {
    /// The file whose bytes just arrived, as the repository names it.
    package let file: String
    /// How much of this file is here, and how much there is of it, in bytes.
    package let fileBytes, fileTotal: Int
    /// The same of all files that the cache lacked.
    ///
    /// The total grows when a configuration tells of further files; the bytes fall back where a file has to start anew.
    package let bytes, total: Int
}

/// The count of several downloads at once.
final class DownloadTally: Sendable {
    private let observe: @Sendable (DownloadProgress) -> Void
    private let counts = Mutex(Counts())

    private struct Counts {
        var files: [String: Int] = [:]
        var bytes = 0
        var total = 0
    }

    init(observe: @escaping @Sendable (DownloadProgress) -> Void) { self.observe = observe }

    /// Takes files into the total.
    func expect(_ files: [RepositoryFile]) {
        let added = files.reduce(0) { $0 + $1.size }
        counts.withLock { $0.total += added }
    }

    /// Notes how many bytes of a file are on the disk, and reports.
    func note(_ file: RepositoryFile, bytes: Int) {
        let progress = counts.withLock { counts in
            counts.bytes += bytes - counts.files.updateValue(bytes, forKey: file.path, default: 0)
            return DownloadProgress(
                file: file.path, fileBytes: bytes, fileTotal: file.size, bytes: counts.bytes, total: counts.total)
        }
        observe(progress)
    }
}

extension [String: Int] {
    /// - Returns: the value that was there before, the default where none was
    fileprivate mutating func updateValue(_ value: Int, forKey key: String, default absent: Int) -> Int {
        updateValue(value, forKey: key) ?? absent
    }
}
