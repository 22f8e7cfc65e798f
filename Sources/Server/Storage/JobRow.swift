internal import Diffusion
internal import GRDB

/// A job as a new row of the store: beside the job itself, what lists show of it and what the row takes.
struct JobRow: PersistableRecord {
    static let databaseTableName = Job.databaseTableName

    /// So many bytes a row takes besides its texts.
    private static let fixedBytes = 512
    /// So many characters of a prompt stand in lists.
    static let shownCharacters = 500

    let job: Job

    func encode(to container: inout PersistenceContainer) throws {
        try job.encode(to: &container)
        let request = job.work.request
        container["prompt"] = request.prompts.first.map { $0.cut(after: Self.shownCharacters) }
        (container["width"], container["height"]) = (request.width, request.height)
        (container["frames"], container["frameRate"]) = (request.numFrames, request.frameRate)
        // Beyond what SQLite's whole numbers hold.
        container["seed"] = request.seeds.first.map { String($0) }
        (container["count"], container["format"]) = (request.outputCount, job.work.format)
        container["hasCache"] = job.timings?.cache != nil
        let work = container["work"].flatMap { String.fromDatabaseValue($0.databaseValue) } ?? ""
        container["size"] = Self.fixedBytes + work.utf8.count + (job.idempotencyKey?.utf8.count ?? 0)
    }
}

extension String {
    /// The text, or its beginning and an ellipsis.
    ///
    /// - Parameter count: the most Unicode scalars
    /// - Returns: the text
    func cut(after count: Int) -> String {
        guard let end = unicodeScalars.index(startIndex, offsetBy: count, limitedBy: endIndex), end < endIndex else {
            return self
        }
        return "\(self[..<end])…"
    }
}
