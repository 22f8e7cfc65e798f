internal import Files
import Glibc

/// A file's bytes as memory, read in by the system as they are touched; unmapped with the last reference.
///
/// The mapping is private and read-only. A file that another process cuts short while it is mapped ends this process
/// with SIGBUS on the next touch of the lost part, as with every mapping: replace files by renaming, never in place.
// @unchecked: the pointer and the pages behind it are only read, from initialisation until `deinit`.
package final class MappedFile: @unchecked Sendable {
    /// What to tell the system about a range of bytes.
    package enum Advice: Sendable {
        /// The bytes are about to be read: begin to fetch them.
        case willNeed
        /// The bytes have been copied elsewhere: their pages may go, and come back from the file if touched again.
        case dontNeed
    }

    /// The path that was opened.
    package let path: String
    /// The whole file, from a page's boundary on; valid as long as this object lives, not longer.
    package let bytes: UnsafeRawBufferPointer
    private let file: InputFile

    /// The system's number of the file, which stays open as long as this object lives.
    package var number: Int32 { file.number }

    /// Opens and maps a regular file; a symbolic link is followed.
    ///
    /// - Throws: `.file`
    package init(path: String) throws(SafetensorsError) {
        let file = try onFile { () throws(FileError) in try InputFile(reading: path) }
        bytes = try onFile { () throws(FileError) in try Self.map(file, path) }
        self.file = file
        self.path = path
    }

    private static func map(_ file: borrowing InputFile, _ path: String) throws(FileError) -> UnsafeRawBufferPointer {
        let size = try file.regularFileSize()
        guard size > 0 else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, file.number, 0), start != MAP_FAILED else {
            throw FileError(path, .cannotMap(reason: InputFile.lastReason))
        }
        return UnsafeRawBufferPointer(start: start, count: size)
    }

    deinit {
        if let start = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), bytes.count) }
    }

    /// Passes advice on; a system that does not take it changes nothing.
    ///
    /// - Parameters:
    ///   - advice: what will happen to the bytes
    ///   - range: offsets into `bytes`. Fetching reaches out to whole pages, letting go keeps pages shared with others.
    package func advise(_ advice: Advice, for range: Range<Int>) {
        guard let start = bytes.baseAddress else { return }
        let page = sysconf(Int32(_SC_PAGESIZE))
        let within = range.clamped(to: 0..<bytes.count)
        let first = within.lowerBound
        let (begin, end, flag) =
            switch advice {
            case .willNeed: (first / page * page, within.upperBound, MADV_WILLNEED)
            case .dontNeed: ((first + page - 1) / page * page, within.upperBound / page * page, MADV_DONTNEED)
            }
        guard begin < end else { return }
        madvise(UnsafeMutableRawPointer(mutating: start + begin), end - begin, flag)
    }
}
