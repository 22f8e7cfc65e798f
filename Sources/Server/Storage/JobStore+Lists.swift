internal import Foundation
internal import GRDB

extension JobStore {
    /// Which jobs a client wants to see.
    package struct Page: Sendable, Equatable {
        package var owner = ""
        /// Of which kind; nil for all.
        package var kind: Job.Kind?
        /// The last one that was seen.
        package var after: String?
        package var limit = 20
        package var isAscending = false

        package init() {}
    }

    /// Some of an owner's jobs.
    ///
    /// - Parameter page: which
    /// - Returns: the jobs, and whether there are more; nil if `after` is no job of the owner's
    /// - Throws: `DatabaseError`
    package func jobs(_ page: Page) async throws -> (jobs: [JobSummary], hasMore: Bool)? {
        try await read { database in
            var conditions = "owner = ?"
            var arguments: StatementArguments = [page.owner]
            if let kind = page.kind {
                conditions += " AND kind = ?"
                arguments += [kind]
            }
            if let after = page.after {
                guard
                    let number = try Int.fetchOne(
                        database, sql: "SELECT number FROM jobs WHERE id = ? AND owner = ?",
                        arguments: [after, page.owner])
                else { return nil }
                conditions += " AND number \(page.isAscending ? ">" : "<") ?"
                arguments += [number]
            }
            let request = SQLRequest<JobSummary>(
                sql: "SELECT \(JobSummary.columns) FROM jobs WHERE \(conditions) "
                    + "ORDER BY number \(page.isAscending ? "ASC" : "DESC") LIMIT ?",
                arguments: arguments + [page.limit + 1], cached: true)
            let found = try request.fetchAll(database)
            return (Array(found.prefix(page.limit)), found.count > page.limit)
        }
    }

    /// The jobs that are neither completed nor failed, in the order they came.
    ///
    /// - Returns: the jobs
    /// - Throws: `DatabaseError`
    package func unfinished() async throws -> [Job] {
        try await read { database in
            try Job.filter(["queued", "in_progress"].contains(Column("status"))).order(Column("number"))
                .fetchAll(database)
        }
    }

    /// The jobs whose time is over, and finished ones if all rows and files together are too large: first those that came
    /// to nothing, then the oldest.
    ///
    /// - Parameters:
    ///   - time: now
    ///   - storageBytes: how large they may be
    /// - Returns: the ids of jobs to be removed
    /// - Throws: `DatabaseError`
    package func superfluous(at time: Double, storageBytes: Int) async throws -> [String] {
        try await read { database in
            var ids = try String.fetchAll(
                database, sql: "SELECT id FROM jobs WHERE expiresAt < ? ORDER BY number", arguments: [time])
            let all = "SELECT COALESCE(SUM(bytes + size), 0) FROM jobs WHERE expiresAt IS NULL OR expiresAt >= ?"
            var excess = (try Int.fetchOne(database, sql: all, arguments: [time]) ?? 0) - storageBytes
            for status in [Job.Status.failed, .completed] where excess > 0 {
                let rows = try Row.fetchCursor(
                    database,
                    sql: "SELECT id, bytes + size AS bytes FROM jobs WHERE status = ? AND expiresAt >= ? "
                        + "ORDER BY completedAt, number", arguments: [status, time])
                while excess > 0, let row = try rows.next() {
                    ids.append(row["id"])
                    excess -= row["bytes"] as Int
                }
            }
            return ids
        }
    }

    /// How many jobs there are of each status, and how large their rows and files are.
    ///
    /// - Returns: counts by status, and bytes
    /// - Throws: `DatabaseError`
    package func census() async throws -> (counts: [String: Int], bytes: Int) {
        try await read { database in
            var (counts, bytes): ([String: Int], Int) = ([:], 0)
            let rows = try Row.fetchCursor(
                database, sql: "SELECT status, COUNT(*) AS count, SUM(bytes + size) AS bytes FROM jobs GROUP BY status")
            while let row = try rows.next() {
                counts[row["status"]] = row["count"]
                bytes += row["bytes"]
            }
            return (counts, bytes)
        }
    }

    /// The ids of all jobs.
    ///
    /// - Returns: the ids
    /// - Throws: `DatabaseError`
    package func ids() async throws -> Set<String> {
        try await read { database in try Set(String.fetchAll(database, sql: "SELECT id FROM jobs")) }
    }

    /// The ids whose folders are the server's and hold nothing that is wanted: of jobs that are gone or came to nothing.
    ///
    /// - Returns: the ids
    /// - Throws: `DatabaseError`
    package func disposable() async throws -> Set<String> {
        try await read { database in
            try Set(
                String.fetchAll(
                    database, sql: "SELECT id FROM gone UNION SELECT id FROM jobs WHERE status = 'failed'"))
        }
    }
}
