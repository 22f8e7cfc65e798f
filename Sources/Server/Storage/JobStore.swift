internal import Diffusion
internal import Engine
internal import Files
internal import Foundation
internal import GRDB
internal import Glibc

/// The jobs, in a SQLite file: what it has accepted survives the end of the process at any moment.
package final class JobStore: Sendable {
    private let database: DatabaseQueue
    /// The seconds since 1970.
    let clock: @Sendable () -> Double

    /// Opens the store, or makes it.
    ///
    /// - Parameters:
    ///   - path: the file
    ///   - mayBeNew: whether a file without jobs may be taken for a new store
    ///   - clock: tells the seconds since 1970
    /// - Throws: ``ServerError/folder(_:reason:)``
    package init(
        path: String, mayBeNew: Bool = true,
        clock: @escaping @Sendable () -> Double = { Date().timeIntervalSince1970 }
    ) throws(ServerError) {
        self.clock = clock
        do {
            // SQLite gives the files beside it the same permissions. Only a new one: closing another takes its locks away.
            let new = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            if new >= 0 { Glibc.close(new) }
            var configuration = Configuration()
            configuration.busyMode = .timeout(5)
            database = try DatabaseQueue(path: path, configuration: configuration)
            try database.read { try Self.refuseForeignFile($0, path, mayBeNew: mayBeNew) }
            try database.writeWithoutTransaction { database in
                try database.execute(sql: "PRAGMA journal_mode = WAL")
                // On the disk, not only with the system, before a job counts as accepted.
                try database.execute(sql: "PRAGMA synchronous = FULL")
                // Pages of a log that is begun anew so often stay few, and on a full disk are there to be written over.
                try database.execute(sql: "PRAGMA wal_autocheckpoint = 64")
            }
            try Self.migrator.migrate(database)
            try Folder.sync(Folder.parent(of: path))
        } catch let error as ServerError {
            throw error
        } catch {
            throw .folder(path, reason: (error as? DatabaseError)?.message ?? error.cause)
        }
    }

    /// Refuses a file that is not this program's, before anything is written to it.
    private static func refuseForeignFile(_ database: Database, _ path: String, mayBeNew: Bool) throws {
        let tables = try String.fetchAll(database, sql: "SELECT name FROM sqlite_master WHERE type = 'table'")
        if tables.isEmpty {
            guard mayBeNew else {
                throw ServerError.folder(path, reason: "it has no jobs, and there are files of jobs")
            }
        } else if !tables.contains("grdb_migrations") || !tables.contains("jobs") {
            throw ServerError.folder(path, reason: "it is another program's database")
        } else if try migrator.hasBeenSuperseded(database) {
            throw ServerError.folder(path, reason: "a newer version of this program made it")
        }
    }

    /// The job that was accepted before for the same request, if there is one.
    ///
    /// - Parameters:
    ///   - job: a new one
    ///   - repeatSeconds: how old a job with the same fingerprint may be to count as the same; nil if none does
    /// - Returns: the job
    /// - Throws: `DatabaseError`
    package func known(_ job: Job, sameWithin repeatSeconds: Double?) async throws -> Job? {
        if job.idempotencyKey == nil, repeatSeconds == nil { return nil }
        return try await database.read { try Self.known(job, sameWithin: repeatSeconds, $0) }
    }

    private static func known(_ job: Job, sameWithin repeatSeconds: Double?, _ database: Database) throws -> Job? {
        if let key = job.idempotencyKey,
            let known = try Job.filter(Column("owner") == job.owner && Column("idempotencyKey") == key)
                .fetchOne(database)
        {
            return known
        }
        guard let repeatSeconds else { return nil }
        return try Job.filter(
            Column("owner") == job.owner && Column("fingerprint") == job.fingerprint
                && Column("createdAt") > job.createdAt - repeatSeconds
                && Column("createdAt") <= job.createdAt + repeatSeconds
        ).order(Column("number").desc).fetchOne(database)
    }

    /// Notes that a folder is about to be made for a job that is not accepted yet.
    ///
    /// - Parameter id: the job's
    /// - Throws: `DatabaseError`
    package func announce(_ id: String) async throws {
        try await change("INSERT OR IGNORE INTO gone (id) VALUES (?)", [id])
    }

    /// Accepts a job, unless it was accepted before.
    ///
    /// - Parameters:
    ///   - job: a new one
    ///   - repeatSeconds: how old a job with the same fingerprint may be to count as the same; nil if none does
    /// - Returns: the job, or the one that was accepted before
    /// - Throws: `DatabaseError`
    package func accept(_ job: Job, sameWithin repeatSeconds: Double?) async throws -> Job {
        try await database.write { database in
            if let known = try Self.known(job, sameWithin: repeatSeconds, database) { return known }
            try JobRow(job: job).insert(database)
            try database.execute(sql: "DELETE FROM gone WHERE id = ?", arguments: [job.id])
            return job
        }
    }

    /// A job of an owner's.
    ///
    /// - Parameters:
    ///   - id: its id
    ///   - owner: whose it must be
    /// - Returns: nil if there is none, or it is somebody else's
    /// - Throws: `DatabaseError`
    package func job(_ id: String, owner: String) async throws -> Job? {
        try await database.read { database in
            try Job.filter(Column("id") == id && Column("owner") == owner).fetchOne(database)
        }
    }

    /// Notes that a job's computation began, unless it is over.
    ///
    /// - Parameter id: which
    /// - Throws: `DatabaseError`
    package func begin(_ id: String) async throws {
        let now = clock()
        try await change(
            "UPDATE jobs SET status = 'in_progress', startedAt = ?, attempts = attempts + 1 "
                + "WHERE id = ? AND status = 'queued'", [now, id])
    }

    /// Notes that jobs whose computation was cut short wait again.
    ///
    /// - Parameter id: which
    /// - Throws: `DatabaseError`
    package func requeue(_ id: String) async throws {
        try await change("UPDATE jobs SET status = 'queued', startedAt = NULL WHERE id = ?", [id])
    }

    /// Notes that a job's files lie there.
    ///
    /// - Parameters:
    ///   - id: which
    ///   - bytes: of its files
    ///   - timings: how long it took
    ///   - keepSeconds: how long it is kept
    /// - Returns: whether the job is still there
    /// - Throws: `DatabaseError`
    package func complete(_ id: String, bytes: Int, timings: JobTimings, keepSeconds: Double) async throws -> Bool {
        let now = clock()
        let text = String(decoding: try JSONEncoder().encode(timings), as: UTF8.self)
        return try await change(
            "UPDATE jobs SET status = 'completed', completedAt = ?, expiresAt = ?, bytes = ?, timings = ?, hasCache = ?, "
                + "size = size + ? WHERE id = ?",
            [now, now + keepSeconds, bytes, text, timings.cache != nil, text.utf8.count, id]) > 0
    }

    /// Notes that a job came to nothing.
    ///
    /// - Parameters:
    ///   - id: which
    ///   - error: why
    ///   - keepSeconds: how long it is kept
    ///   - work: what is left of its request; nil for all of it
    /// - Throws: `DatabaseError`
    package func fail(
        _ id: String, _ error: APIError, keepSeconds: Double, leaving work: JobWork? = nil
    ) async throws {
        let now = clock()
        let text = try work.map { String(decoding: try JSONEncoder().encode($0), as: UTF8.self) }
        let prompt = work?.request.prompts.first
        try await change(
            "UPDATE jobs SET status = 'failed', completedAt = ?, expiresAt = ?, errorCode = ?, errorMessage = ?, "
                + "bytes = 0, size = size + ?, work = coalesce(?, work), prompt = coalesce(?, prompt) WHERE id = ?",
            [now, now + keepSeconds, error.code, error.message, error.message.utf8.count, text, prompt, id])
    }

    /// Forgets jobs, and notes that their folders go.
    ///
    /// - Parameter ids: which
    /// - Returns: those that there were
    /// - Throws: `DatabaseError`
    @discardableResult
    package func delete(_ ids: [String]) async throws -> [String] {
        try await database.write { database in
            try ids.filter { id in
                try database.execute(sql: "DELETE FROM jobs WHERE id = ?", arguments: [id])
                guard database.changesCount > 0 else { return false }
                try database.execute(sql: "INSERT OR IGNORE INTO gone (id) VALUES (?)", arguments: [id])
                return true
            }
        }
    }

    /// Notes that folders are not there any more.
    ///
    /// - Parameter ids: of the jobs that they were made for
    /// - Throws: `DatabaseError`
    package func forget(_ ids: [String]) async throws {
        if ids.isEmpty { return }
        try await database.write { database in
            for id in ids { try database.execute(sql: "DELETE FROM gone WHERE id = ?", arguments: [id]) }
        }
    }

    /// Brings what stands in the log beside the file into the file, so that the log takes no room.
    ///
    /// - Throws: `DatabaseError`
    package func shrink() async throws {
        try await database.writeWithoutTransaction { database in _ = try database.checkpoint(.truncate) }
    }

    /// - Returns: how many rows changed
    @discardableResult
    private func change(_ sql: String, _ arguments: StatementArguments) async throws -> Int {
        try await database.write { database in
            try database.execute(sql: sql, arguments: arguments)
            return database.changesCount
        }
    }

    /// Reads from the database.
    func read<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        try await database.read(body)
    }
}
