package import Files
internal import Glibc

/// The folder of the server's jobs: the store's file, and a folder of files for each job.
///
/// No name in it comes from a client, all is this user's alone, and nothing is removed that the store does not know.
package final class JobFolder: Sendable {
    package let path: String
    private let claim: FolderClaim

    /// Makes the folder if need be, and takes it for this process.
    ///
    /// - Parameter path: where it is
    /// - Throws: ``ServerError``, also where files lie there that no store knows
    package init(path: String) throws(ServerError) {
        guard !path.isEmpty else { throw .folder("\"\"", reason: "a folder needs a name") }
        self.path = path
        do throws(FileError) {
            try Folder.make(path, permissions: 0o700)
        } catch {
            throw .folder(path, reason: error.sentence(below: path))
        }
        claim = try FolderClaim(path) { () throws(ServerError) in try Self.refuseForeignFiles(in: path) }
        if try !Self.isSharedByRoot(path) { try claim.close() }
        let media = "\(path)/media"
        do throws(FileError) {
            try Folder.make(media, permissions: 0o700)
            try Self.protect(media, 0o700)
            for name in Self.ownFiles where FileStamp(of: "\(path)/\(name)") != nil {
                try Self.protect("\(path)/\(name)", 0o600)
            }
        } catch {
            throw .folder(path, reason: error.sentence(below: path))
        }
        claim.watch("media")
    }

    /// The store's file, and those that SQLite keeps beside it.
    private static let store = ["jobs.sqlite", "jobs.sqlite-wal", "jobs.sqlite-shm"]
    private static let ownFiles = store + ["lock", StorageReserve.name]

    /// Without a store nobody knows whose the files in `media` are: they are not taken for the server's.
    private static func refuseForeignFiles(in path: String) throws(ServerError) {
        if let store = FileStamp(of: "\(path)/jobs.sqlite"), store.size > 0 { return }
        guard FileStamp(ofLink: "\(path)/media") != nil else { return }
        let names: [String]
        do throws(FileError) {
            names = try Folder.names(in: "\(path)/media")
        } catch {
            throw .folder(path, reason: error.sentence(below: path))
        }
        if !names.isEmpty { throw .mediaWithoutStore(path, count: names.count) }
    }

    /// Whether this is a folder of the system's, such as `/var`, which others need to enter.
    private static func isSharedByRoot(_ path: String) throws(ServerError) -> Bool {
        guard geteuid() == 0 else { return false }
        do throws(FileError) {
            return try Folder.names(in: path).contains { name in
                !["media", "lost+found"].contains(name) && Folder.isFolder("\(path)/\(name)")
            }
        } catch {
            throw .folder(path, reason: error.sentence(below: path))
        }
    }

    /// Whether files lie here that a new store would not know.
    package var holdsMedia: Bool { (try? Folder.names(in: "\(path)/media"))?.isEmpty == false }

    /// The store's file.
    package var storePath: String { "\(path)/jobs.sqlite" }

    /// The folder of a job's files.
    package func folder(of job: String) -> String { "\(path)/media/\(job)" }

    /// One of a job's results.
    package func output(_ index: Int, of job: Job) -> String { "\(folder(of: job.id))/\(index).\(job.work.format)" }

    /// A small version of one of a job's images.
    package func thumbnail(_ index: Int, of job: String) -> String { "\(folder(of: job))/thumbnail-\(index).jpg" }

    /// One of the images that a client sent.
    package func input(_ index: Int, of job: String) -> String { "\(folder(of: job))/input-\(index)" }

    /// Makes the folder of a new job and puts the client's images into it.
    ///
    /// - Parameters:
    ///   - job: its id
    ///   - inputs: the images' files
    /// - Throws: `FileError`
    package func create(_ job: String, inputs: [[UInt8]]) throws(FileError) {
        try Folder.make(folder(of: job), permissions: 0o700)
        for (index, bytes) in inputs.enumerated() {
            try AtomicFile.write(bytes, to: input(index, of: job), permissions: 0o600)
        }
    }

    /// Removes a job's files.
    ///
    /// - Parameter job: its id
    /// - Returns: whether none are left
    @discardableResult
    package func remove(_ job: String) -> Bool { Identifier.isJob(job) && Folder.remove(folder(of: job)) }

    /// The bytes of a job's files.
    package func bytes(of job: String) -> Int {
        ((try? Folder.names(in: folder(of: job))) ?? []).reduce(0) { sum, name in
            sum + (FileStamp(ofLink: "\(folder(of: job))/\(name)")?.size ?? 0)
        }
    }

    /// Keeps others than this user from the files of a job.
    ///
    /// - Parameter job: its id
    /// - Throws: `FileError`
    package func protect(_ job: String) throws(FileError) {
        try Self.protect(folder(of: job), 0o700)
        for name in try Folder.names(in: folder(of: job)) { try Self.protect("\(folder(of: job))/\(name)", 0o600) }
    }

    /// Links and what is not this user's stay as they are.
    ///
    /// - Parameters:
    ///   - path: a file or a folder
    ///   - permissions: 0600 for a file, 0700 for a folder; what is the other stays as it is
    /// - Throws: `FileError`
    private static func protect(_ path: String, _ permissions: mode_t) throws(FileError) {
        guard let file = FileStamp(ofLink: path) else {
            throw FileError(path, .cannotOpen(reason: InputFile.lastReason))
        }
        guard file.isRegularFile && permissions == 0o600 || file.isFolder && permissions == 0o700,
            file.permissions != permissions, file.owner == geteuid()
        else { return }
        guard chmod(path, permissions) == 0 else { throw FileError(path, .cannotWrite(reason: InputFile.lastReason)) }
    }
}

// What is kept in order.
extension JobFolder {
    /// Removes what killed processes left behind: folders of jobs that are gone, and files half written.
    ///
    /// - Parameters:
    ///   - gone: the ids that the store says were removed, or never accepted
    ///   - known: the ids in the store
    /// - Returns: the names in `media` that the store does not know; they stay as they are
    /// - Throws: `FileError`
    package func sweep(gone: Set<String>, known: Set<String>) throws(FileError) -> [String] {
        var unknown: [String] = []
        for name in try Folder.names(in: "\(path)/media") {
            if gone.contains(name) {
                remove(name)
            } else if known.contains(name) {
                for file in (try? Folder.names(in: folder(of: name))) ?? [] where AtomicFile.isTemporary(file) {
                    unlink("\(folder(of: name))/\(file)")
                }
                try? protect(name)
            } else {
                unknown.append(name)
            }
        }
        return unknown
    }

    /// Notes that the store's files are open: from here on they must stay.
    func keepWatch() { for name in Self.store { claim.watch(name) } }

    /// Whether others than this user may enter the folder, though not read what the server keeps there.
    var isOpenToOthers: Bool { claim.isOpenToOthers }

    /// What was removed or replaced under the running server; nil as long as what is written comes to stay.
    package var lost: String? { claim.lost }
}

extension FileError {
    /// The fault, with the file's name unless it is the folder that the message begins with.
    fileprivate func sentence(below folder: String) -> String {
        path == folder ? fault.reason : "\(path): \(fault.reason)"
    }
}
