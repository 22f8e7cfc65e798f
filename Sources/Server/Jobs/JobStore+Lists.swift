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
    package func jobs(_ page: Page) async throws -> (jobs: [Job], hasMore: Bool)? {
        try await read { database in
            var jobs = Job.filter(Column("owner") == page.owner)
            if let kind = page.kind { jobs = jobs.filter(Column("kind") == kind.rawValue) }
            if let after = page.after {
                guard
                    let number = try Int.fetchOne(
                        database, sql: "SELECT number FROM jobs WHERE id = ? AND owner = ?",
                        arguments: [after, page.owner])
                else { return nil }
                jobs = jobs.filter(page.isAscending ? Column("number") > number : Column("number") < number)
            }
            let ordered = page.isAscending ? jobs.order(Column("number")) : jobs.order(Column("number").desc)
            let found = try ordered.limit(page.limit + 1).fetchAll(database)
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

    /// The jobs whose time is over, and the oldest finished ones if all files together are too large.
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
            let rows = try Row.fetchAll(
                database,
                sql: "SELECT id, bytes FROM jobs WHERE bytes > 0 AND (expiresAt IS NULL OR expiresAt >= ?) "
                    + "ORDER BY completedAt, number", arguments: [time])
            var excess = rows.map { $0["bytes"] as Int }.reduce(0, +) - storageBytes
            for row in rows where excess > 0 {
                ids.append(row["id"])
                excess -= row["bytes"] as Int
            }
            return ids
        }
    }

    /// How many jobs there are of each status, and how large their files are.
    ///
    /// - Returns: counts by status, and bytes
    /// - Throws: `DatabaseError`
    package func census() async throws -> (counts: [String: Int], bytes: Int) {
        try await read { database in
            var counts: [String: Int] = [:]
            for row in try Row.fetchAll(database, sql: "SELECT status, COUNT(*) AS count FROM jobs GROUP BY status") {
                counts[row["status"]] = row["count"]
            }
            return (counts, try Int.fetchOne(database, sql: "SELECT COALESCE(SUM(bytes), 0) FROM jobs") ?? 0)
        }
    }

    /// The ids of all jobs.
    ///
    /// - Returns: the ids
    /// - Throws: `DatabaseError`
    package func ids() async throws -> Set<String> {
        try await read { database in try Set(String.fetchAll(database, sql: "SELECT id FROM jobs")) }
    }
}
