internal import Diffusion
internal import Foundation
internal import GRDB

/// A job as lists show it: without reading all that its row holds.
package struct JobSummary: Sendable, FetchableRecord {
    package let id: String
    package let kind: Job.Kind
    package let status: Job.Status
    package let createdAt: Double
    package let completedAt, expiresAt: Double?
    /// In lists only its beginning.
    package let prompt: String?
    package let width, height: Int
    package let frames: Int?
    package let frameRate: Double?
    package let seed: UInt64?
    package let count: Int
    package let format: String
    let errorCode, errorMessage: String?
    let remixedFrom: String?
    let cache: [CacheSummary]?

    /// The columns that are read; the times only of jobs with a step cache's report in them.
    static let columns =
        "number, id, kind, status, createdAt, completedAt, expiresAt, prompt, width, height, frames, frameRate, seed, count, "
        + "format, errorCode, errorMessage, remixedFrom, CASE WHEN hasCache THEN timings END AS timings"

    init(row: Row) throws {
        (id, createdAt, kind, status) = (row["id"], row["createdAt"], row["kind"], row["status"])
        (completedAt, expiresAt, prompt) = (row["completedAt"], row["expiresAt"], row["prompt"])
        (width, height, count, format) = (row["width"] ?? 0, row["height"] ?? 0, row["count"], row["format"])
        (frames, frameRate) = (row["frames"], row["frameRate"])
        seed = (row["seed"] as String?).flatMap { UInt64($0) }
        (errorCode, errorMessage, remixedFrom) = (row["errorCode"], row["errorMessage"], row["remixedFrom"])
        cache = try (row["timings"] as String?).flatMap { text in
            try JSONDecoder().decode(JobTimings.self, from: Data(text.utf8)).cache?.branches.map(CacheSummary.init)
        }
    }

    /// - Parameter job: as a whole, its prompt too
    init(_ job: Job) {
        let request = job.work.request
        (id, kind, status, createdAt) = (job.id, job.kind, job.status, job.createdAt)
        (completedAt, expiresAt, prompt) = (job.completedAt, job.expiresAt, request.prompts.first)
        (width, height, frames) = (request.width ?? 0, request.height ?? 0, request.numFrames)
        (frameRate, seed, count) = (request.frameRate, request.seeds.first, request.outputCount)
        format = job.work.format
        (errorCode, errorMessage, remixedFrom) = (job.errorCode, job.errorMessage, job.remixedFrom)
        cache = job.cacheSummary
    }

    /// Whether nothing more will happen to it.
    var isOver: Bool { status == .completed || status == .failed }
}

extension Job.Kind: DatabaseValueConvertible {}
extension Job.Status: DatabaseValueConvertible {}
