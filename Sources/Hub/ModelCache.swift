internal import Files
internal import Foundation

/// One model's part of the cache, in the Python client's layout.
///
/// `blobs/<hash>` holds the bytes, `snapshots/<commit>/<file>` are relative links to them, `refs/<revision>` names the commit
/// that a branch or tag was last seen at.
struct ModelCache: Sendable {
    private let folder, locks: String
    private let model: HubModel
    /// Whether snapshots hold the files themselves instead of links to them.
    private let avoidsLinks: Bool

    /// - Parameters:
    ///   - root: the folder of all models
    ///   - model: id and revision
    ///   - avoidsLinks: whether snapshots hold the files themselves instead of links to them
    init(_ root: String, _ model: HubModel, avoidsLinks: Bool = false) {
        let name = "models--" + model.id.replacing("/", with: "--")
        (folder, locks) = ("\(root)/\(name)", "\(root)/.locks/\(name)")
        (self.model, self.avoidsLinks) = (model, avoidsLinks)
    }

    var blobs: String { "\(folder)/blobs" }
    func blob(of file: RepositoryFile) -> String { "\(blobs)/\(file.hash.digits)" }
    func partialBlob(of file: RepositoryFile) -> String { blob(of: file) + ".incomplete" }
    func lock(of file: RepositoryFile) -> String { "\(locks)/\(file.hash.digits).lock" }
    func snapshot(_ commit: String) -> String { "\(folder)/snapshots/\(commit)" }

    /// The commit that the revision was last seen at, nil where it never was.
    var commit: String? {
        if model.namesCommit { return model.revision }
        guard let bytes = try? InputFile(reading: reference).readAll(limit: 1024) else { return nil }
        let text = String(decoding: bytes.withoutByteOrderMark, as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        return text.isCommit ? text : nil
    }

    private var reference: String { "\(folder)/refs/\(model.revision)" }

    /// Notes the commit of the revision, if it is another than before.
    func setCommit(_ commit: String) throws(HubError) {
        guard self.commit != commit else { return }
        try Self.onFile { () throws(FileError) in
            try Self.makeFolder(of: reference)
            try AtomicFile.write(Array(commit.utf8), to: reference)
        }
    }

    /// Makes the folders for blobs and locks.
    func prepare() throws(HubError) {
        try Self.onFile { () throws(FileError) in
            try Self.makeFolder(of: "\(blobs)/.")
            try Self.makeFolder(of: "\(locks)/.")
        }
    }

    /// Whether the file is in the snapshot, whole.
    func hasFile(_ file: RepositoryFile, in commit: String) -> Bool {
        Self.size(ofFile: "\(snapshot(commit))/\(file.path)") == file.size
    }

    /// Whether the file's bytes are here.
    func hasBlob(of file: RepositoryFile) -> Bool { Self.size(ofFile: blob(of: file)) == file.size }

    /// How many of the file's bytes wait to be joined by the others.
    func partialSize(of file: RepositoryFile) -> Int { Self.size(ofFile: partialBlob(of: file)) ?? 0 }

    private static func size(ofFile path: String) -> Int? {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : nil
    }

    /// Gives a blob its name in a snapshot; what has the name there is replaced.
    ///
    /// Where there are to be no links, or the file system has none, a new blob moves there, and one that other snapshots may
    /// link to is copied.
    ///
    /// - Parameters:
    ///   - file: a file whose blob is here
    ///   - commit: the snapshot
    ///   - isNew: whether the blob has just come
    func link(_ file: RepositoryFile, in commit: String, isNew: Bool) throws(HubError) {
        let path = "\(snapshot(commit))/\(file.path)"
        let depth = file.path.pathNames.count
        let target = String(repeating: "../", count: depth + 1) + "blobs/\(file.hash.digits)"
        let temporaryPath = "\(path).\(UInt64.random(in: 0...UInt64.max))"
        try Self.onFile { () throws(FileError) in
            try Self.makeFolder(of: path)
            if avoidsLinks || symlink(target, temporaryPath) != 0 {
                guard avoidsLinks || [EPERM, EOPNOTSUPP, ENOSYS].contains(errno) else {
                    throw FileError(path, .cannotWrite(reason: InputFile.lastReason))
                }
                if isNew { return try Self.move(blob(of: file), to: path) }
                try Self.copy(blob(of: file), to: temporaryPath)
            }
            do throws(FileError) {
                try Self.move(temporaryPath, to: path)
            } catch {
                unlink(temporaryPath)
                throw error
            }
        }
    }

    private static func move(_ source: String, to path: String) throws(FileError) {
        guard rename(source, path) == 0 else { throw FileError(path, .cannotWrite(reason: InputFile.lastReason)) }
    }

    private static func copy(_ source: String, to path: String) throws(FileError) {
        do {
            // A blob may itself be a link.
            let file = URL(fileURLWithPath: source).resolvingSymlinksInPath().path
            try FileManager.default.copyItem(atPath: file, toPath: path)
        } catch {
            unlink(path)
            throw FileError(path, .cannotWrite(reason: "the file system has no links, and no copy could be made"))
        }
    }

    /// How many bytes the file system of the cache has left; nil where it does not tell.
    var available: Int? {
        var status = statvfs()
        guard statvfs(blobs, &status) == 0, status.f_blocks > 0 else { return nil }
        return Int(clamping: UInt64(status.f_bavail) &* UInt64(status.f_frsize))
    }

    /// Makes the folder that a file is to lie in, and those above.
    private static func makeFolder(of path: String) throws(FileError) {
        try Folder.make(String(decoding: path.pathFolder.utf8.dropLast(), as: UTF8.self))
    }

    private static func onFile<Result>(_ work: () throws(FileError) -> Result) throws(HubError) -> Result {
        do { return try work() } catch { throw .file(error) }
    }
}
