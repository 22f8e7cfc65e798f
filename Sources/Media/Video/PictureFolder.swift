internal import Files
internal import Glibc

/// Numbered PNG files, which move to their place together when the last is written.
final class PictureFolder: VideoSink {
    private let pattern: PicturePattern
    private let texts: [PNGText]
    /// Where the files lie until then, with a `/` at its end.
    private let temporaryFolder: String
    private var count = 0
    private let path: String

    /// - Parameters:
    ///   - path: as ``PicturePattern`` takes it
    ///   - texts: travel in every file
    /// - Throws: `.unknownVideoExtension`, `.cannotWrite`
    init(_ path: String, texts: [PNGText]) throws(MediaError) {
        guard let pattern = PicturePattern(path) else { throw .unknownVideoExtension(path: path, known: ["/"]) }
        var parent = pattern.folder
        if pattern.namesFolder {
            while parent.count > 1, parent.hasSuffix("/") { parent.removeLast() }
            parent = parent.lastIndex(of: "/").map { String(parent[...$0]) } ?? ""
        }
        let temporary = "\(parent).\(String(UInt64.random(in: 0...UInt64.max), radix: 36)).partial"
        guard mkdir(temporary, 0o777) == 0 else { throw .cannotWrite(path: path, reason: Self.lastReason) }
        (self.pattern, self.texts, self.path, temporaryFolder) = (pattern, texts, path, "\(temporary)/")
    }

    deinit {
        for number in 0..<count { unlink(temporaryFolder + pattern.name(number)) }
        rmdir(temporaryFolder)
    }

    func append(_ frame: Image, number: Int) throws(MediaError) {
        do throws(MediaError) {
            try frame.write(to: temporaryFolder + pattern.name(number), as: .png(text: texts))
        } catch {
            guard case .cannotWrite(_, let reason) = error else { throw error }
            throw .cannotWrite(path: path, reason: reason)
        }
        count = number + 1
    }

    /// A folder of that name may exist: files of the same names are replaced, and those of a longer video before it
    /// that would go on after the last frame are removed.
    func finish() throws(MediaError) {
        if pattern.namesFolder, mkdir(pattern.folder, 0o777) != 0, errno != EEXIST {
            throw .cannotWrite(path: path, reason: Self.lastReason)
        }
        for number in 0..<count {
            let name = pattern.name(number)
            guard rename(temporaryFolder + name, pattern.folder + name) == 0 else {
                throw .cannotWrite(path: pattern.folder + name, reason: Self.lastReason)
            }
        }
        var stale = count
        while unlink(pattern.folder + pattern.name(stale)) == 0 { stale += 1 }
    }

    private static var lastReason: String { String(cString: strerror(errno)) }
}
