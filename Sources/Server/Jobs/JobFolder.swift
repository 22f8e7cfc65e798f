package import Files
internal import Foundation
internal import Glibc

/// The folder of the server's jobs: the store's file, and a folder of files for each job.
///
/// No name in it comes from a client.
package final class JobFolder: Sendable {
    package let path: String
    /// The folder, open and locked as long as it is in use.
    private let lock: Int32

    /// Makes the folder if need be, and takes it for this process.
    ///
    /// - Parameter path: where it is
    /// - Throws: ``ServerError``
    package init(path: String) throws(ServerError) {
        self.path = path
        do {
            try FileManager.default.createDirectory(
                atPath: "\(path)/media", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw .folder(path, reason: (error as NSError).localizedDescription)
        }
        let lock = open("\(path)/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw .folder(path, reason: InputFile.lastReason) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw .folderInUse(path)
        }
        self.lock = lock
    }

    deinit { close(lock) }

    /// The store's file.
    package var storePath: String { "\(path)/jobs.sqlite" }

    /// The folder of a job's files.
    package func folder(of job: String) -> String { "\(path)/media/\(job)" }

    /// One of a job's results.
    package func output(_ index: Int, of job: Job) -> String { "\(folder(of: job.id))/\(index).\(job.work.format)" }

    /// One of the pictures that a client sent.
    package func input(_ index: Int, of job: String) -> String { "\(folder(of: job))/input-\(index)" }

    /// Makes the folder of a new job and puts the client's pictures into it.
    ///
    /// - Parameters:
    ///   - job: its id
    ///   - inputs: the pictures' files
    /// - Throws: `FileError`
    package func create(_ job: String, inputs: [[UInt8]]) throws(FileError) {
        guard mkdir(folder(of: job), 0o700) == 0 || errno == EEXIST else {
            throw FileError(folder(of: job), .cannotWrite(reason: InputFile.lastReason))
        }
        for (index, bytes) in inputs.enumerated() { try AtomicFile.write(bytes, to: input(index, of: job)) }
    }

    /// Removes a job's files.
    package func remove(_ job: String) { try? FileManager.default.removeItem(atPath: folder(of: job)) }

    /// The bytes of a job's files.
    package func bytes(of job: String) -> Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder(of: job))) ?? []
        return names.map { name in
            let attributes = try? FileManager.default.attributesOfItem(atPath: "\(folder(of: job))/\(name)")
            return (attributes?[.size] as? Int) ?? 0
        }.reduce(0, +)
    }

    /// Removes what killed processes left behind: files of jobs that are not in the store, and files half written.
    ///
    /// - Parameter known: the ids in the store
    package func sweep(known: Set<String>) {
        let manager = FileManager.default
        for job in (try? manager.contentsOfDirectory(atPath: "\(path)/media")) ?? [] {
            guard known.contains(job) else {
                remove(job)
                continue
            }
            let names = (try? manager.contentsOfDirectory(atPath: folder(of: job))) ?? []
            for name in names where name.hasSuffix(".partial") {
                try? manager.removeItem(atPath: "\(folder(of: job))/\(name)")
            }
        }
    }
}
