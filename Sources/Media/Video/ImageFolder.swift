internal import Files
internal import Glibc

/// Numbered PNG files, which move to their place together when the last is written.
final class ImageFolder: VideoSink {
    private let pattern: ImagePattern
    private let texts: [PNGText]
    /// Where the files lie until then, with a `/` at its end.
    private let temporaryFolder: String
    private var count = 0
    private let path: String

    /// - Parameters:
    ///   - path: as ``ImagePattern`` takes it
    ///   - texts: travel in every file
    /// - Throws: `.unknownVideoExtension`, `.cannotWrite`
    init(_ path: String, texts: [PNGText]) throws(MediaError) {
        guard let pattern = ImagePattern(path) else { throw .unknownVideoExtension(path: path, known: ["/"]) }
        var parent = pattern.folder
        if pattern.namesFolder {
            while parent.count > 1, parent.hasSuffix("/") { parent.removeLast() }
            parent = parent.pathFolder
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

    /// Moves the files to their place, where those of the same names are replaced.
    ///
    /// Frames of a longer video made before, which would go on after the last one, are removed, as far as they are of the
    /// same size and carry the same kinds of texts: other images stay.
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
        let header = Self.header(of: Self.bytes(pattern.folder + pattern.name(0)))
        while continues(pattern.folder + pattern.name(stale), header),
            unlink(pattern.folder + pattern.name(stale)) == 0
        {
            stale += 1
        }
        let folder = pattern.folder.isEmpty ? "." : pattern.folder
        do { try Folder.sync(folder) } catch { throw .cannotWrite(path: path, reason: error.fault.reason) }
    }

    /// Whether a file is a PNG as the frames that are written: of their size, with their keywords, and the same program's.
    private func continues(_ path: String, _ header: [UInt8]) -> Bool {
        let bytes = Self.bytes(path)
        guard !header.isEmpty, Self.header(of: bytes) == header, let found = try? PNGText.read(bytes),
            found.map(\.keyword) == texts.map(\.keyword)
        else { return false }
        return zip(found, texts).allSatisfy { $0.keyword != "Software" || $0 == $1 }
    }

    private static func bytes(_ path: String) -> [UInt8] {
        (try? InputFile(reading: path).readAll(limit: 1 << 30)) ?? []
    }

    /// What a PNG begins with, to the end of its width and height.
    private static func header(of bytes: [UInt8]) -> [UInt8] { Array(bytes.prefix(24)) }

    private static var lastReason: String { String(cString: strerror(errno)) }
}
