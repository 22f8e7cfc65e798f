internal import GRDB

/// How the store's file is laid out, and how older ones become so.
extension JobStore {
    static var migrator: DatabaseMigrator {
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
        }
        migrator.registerMigration("summaries", migrate: addSummaries)
        return migrator
    }

    /// What lists show stands in columns of its own, before the long ones: those are on pages that are then not read.
    private static func addSummaries(_ database: Database) throws {
        try database.rename(table: "jobs", to: "former_jobs")
        try database.create(table: "jobs") { table in
            table.autoIncrementedPrimaryKey("number")
            table.column("id", .text).notNull().unique()
            for text in ["kind", "owner", "status"] { table.column(text, .text).notNull() }
            table.column("priority", .integer).notNull()
            for time in ["createdAt", "startedAt", "completedAt", "expiresAt"] { table.column(time, .double) }
            table.column("attempts", .integer).notNull()
            // Of its files, and of the row itself.
            for size in ["bytes", "size"] { table.column(size, .integer).notNull() }
            for number in ["width", "height", "frames"] { table.column(number, .integer) }
            table.column("frameRate", .double)
            table.column("seed", .text)
            table.column("count", .integer).notNull()
            table.column("format", .text).notNull()
            table.column("hasCache", .boolean).notNull()
            for text in ["remixedFrom", "idempotencyKey"] { table.column(text, .text) }
            table.column("fingerprint", .text).notNull()
            for text in ["prompt", "errorCode", "errorMessage", "timings"] { table.column(text, .text) }
            table.column("work", .text).notNull()
            table.uniqueKey(["owner", "idempotencyKey"])
        }
        // One by one: a request may be long.
        let numbers = try Int.fetchAll(database, sql: "SELECT number FROM former_jobs ORDER BY number")
        for number in numbers {
            let job = try Job.fetchOne(database, sql: "SELECT * FROM former_jobs WHERE number = ?", arguments: [number])
            if let job { try JobRow(job: job).insert(database) }
        }
        try database.drop(table: "former_jobs")
        try database.create(index: "jobs_end", on: "jobs", columns: ["status", "completedAt", "bytes", "size"])
        try database.create(index: "jobs_owner", on: "jobs", columns: ["owner", "kind", "number"])
        try database.create(index: "jobs_number", on: "jobs", columns: ["owner", "number"])
        try database.create(index: "jobs_expiry", on: "jobs", columns: ["expiresAt"])
        try database.create(index: "jobs_fingerprint", on: "jobs", columns: ["fingerprint", "createdAt"])
        // The ids whose folders are the server's and go: of jobs that were removed, and of those not accepted yet.
        try database.create(table: "gone", options: .withoutRowID) { table in table.primaryKey("id", .text) }
    }
}
