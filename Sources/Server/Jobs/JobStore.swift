internal import Files
internal import Foundation
internal import GRDB

/// The jobs, in a SQLite file: what it has accepted survives the end of the process at any moment.
package final class JobStore: Sendable {
    private let database: DatabaseQueue
    /// The seconds since 1970.
    let clock: @Sendable () -> Double

    /// Opens the store, or makes it.
    ///
    /// - Parameters:
    ///   - path: the file
    ///   - clock: tells the seconds since 1970
    /// - Throws: ``ServerError/folder(_:reason:)``
    package init(
        path: String, clock: @escaping @Sendable () -> Double = { Date().timeIntervalSince1970 }
    ) throws(ServerError) {
        self.clock = clock
        do {
            var configuration = Configuration()
            (configuration.journalMode, configuration.busyMode) = (.wal, .timeout(5))
            database = try DatabaseQueue(path: path, configuration: configuration)
            // On the disk, not only with the system, before a job counts as accepted.
            try database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
            // Pages of a log that is begun anew so often stay few, and on a full disk are there to be written over.
            try database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA wal_autocheckpoint = 64") }
            try Self.migrator.migrate(database)
        } catch {
            throw .folder(path, reason: "\(error)")
        }
    }

    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("jobs") { database in
            try database.create(table: "jobs") { table in
                table.autoIncrementedPrimaryKey("number")
                table.column("id", .text).notNull().unique()
                table.column("kind", .text).notNull()
                table.column("owner", .text).notNull()
                table.column("status", .text).notNull()
                table.column("priority", .integer).notNull()
                for time in ["createdAt", "startedAt", "completedAt", "expiresAt"] { table.column(time, .double) }
                table.column("attempts", .integer).notNull()
                table.column("work", .text).notNull()
                table.column("timings", .text)
                table.column("bytes", .integer).notNull()
                for text in ["errorCode", "errorMessage", "idempotencyKey"] { table.column(text, .text) }
                table.column("fingerprint", .text).notNull()
                table.column("remixedFrom", .text)
                table.uniqueKey(["owner", "idempotencyKey"])
            }
            try database.create(index: "jobs_status", on: "jobs", columns: ["status"])
            try database.create(index: "jobs_owner", on: "jobs", columns: ["owner", "kind", "number"])
            try database.create(index: "jobs_fingerprint", on: "jobs", columns: ["fingerprint", "createdAt"])
        }
        return migrator
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
            if let key = job.idempotencyKey,
                let known = try Job.filter(Column("owner") == job.owner && Column("idempotencyKey") == key)
                    .fetchOne(database)
            {
                return known
            }
            if let repeatSeconds,
                let known = try Job.filter(
                    Column("owner") == job.owner && Column("fingerprint") == job.fingerprint
                        && Column("createdAt") > job.createdAt - repeatSeconds
                        && Column("createdAt") <= job.createdAt + repeatSeconds
                ).order(Column("number").desc).fetchOne(database)
            {
                return known
            }
            try job.insert(database)
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
            "UPDATE jobs SET status = 'completed', completedAt = ?, expiresAt = ?, bytes = ?, timings = ? WHERE id = ?",
            [now, now + keepSeconds, bytes, text, id]) > 0
    }

    /// Notes that a job came to nothing.
    ///
    /// - Parameters:
    ///   - id: which
    ///   - error: why
    ///   - keepSeconds: how long it is kept
    /// - Throws: `DatabaseError`
    package func fail(_ id: String, _ error: APIError, keepSeconds: Double) async throws {
        let now = clock()
        try await change(
            "UPDATE jobs SET status = 'failed', completedAt = ?, expiresAt = ?, errorCode = ?, errorMessage = ?, "
                + "bytes = 0 WHERE id = ?", [now, now + keepSeconds, error.code, error.message, id])
    }

    /// Forgets a job.
    ///
    /// - Parameter id: which
    /// - Returns: whether there was one
    /// - Throws: `DatabaseError`
    @discardableResult
    package func delete(_ id: String) async throws -> Bool {
        try await change("DELETE FROM jobs WHERE id = ?", [id]) > 0
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
