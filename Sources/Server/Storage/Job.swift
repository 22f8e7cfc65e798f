package import Diffusion
internal import Foundation
internal import GRDB

/// One accepted request: a row of the store.
package struct Job: Codable, Sendable, Equatable, FetchableRecord, PersistableRecord {
    /// What it makes.
    package enum Kind: String, Codable, Sendable {
        case image, video
    }

    /// Where it is; the words are OpenAI's.
    package enum Status: String, Codable, Sendable {
        case queued
        case inProgress = "in_progress"
        case completed, failed
    }

    package static let databaseTableName = "jobs"

    package var id: String
    package let kind: Kind
    /// The name of the key that it was asked for with; empty without keys.
    package let owner: String
    package var status = Status.queued
    package let priority: Priority
    package let createdAt: Double
    package var startedAt: Double?
    package var completedAt: Double?
    /// When it and its files go.
    package var expiresAt: Double?
    /// How often its computation was begun.
    package var attempts = 0
    package let work: JobWork
    package var timings: JobTimings?
    /// Bytes of its files.
    package var bytes = 0
    package var errorCode: String?
    package var errorMessage: String?
    package let idempotencyKey: String?
    /// What was asked for, so that the same asked again is known.
    package let fingerprint: String
    package let remixedFrom: String?

    /// A job that waits.
    ///
    /// - Parameters:
    ///   - id: its id
    ///   - kind: what it makes
    ///   - owner: who asks
    ///   - priority: how urgent it is
    ///   - work: what is to be made
    ///   - idempotencyKey: the client's name for the request
    ///   - fingerprint: what was asked for
    ///   - remixedFrom: the video that it is another version of
    ///   - createdAt: the seconds since 1970
    package init(
        id: String, kind: Kind, owner: String, priority: Priority, work: JobWork, idempotencyKey: String? = nil,
        fingerprint: String = "", remixedFrom: String? = nil, createdAt: Double = Date().timeIntervalSince1970
    ) {
        (self.id, self.kind, self.owner, self.priority, self.work) = (id, kind, owner, priority, work)
        (self.idempotencyKey, self.fingerprint, self.remixedFrom) = (idempotencyKey, fingerprint, remixedFrom)
        self.createdAt = createdAt
    }

    /// Whether nothing more will happen to it.
    package var isOver: Bool { status == .completed || status == .failed }
}

/// What a job has to make.
package struct JobWork: Codable, Sendable, Equatable {
    /// Resolved; without its images, which lie beside the job's other files.
    package var request: GenerationRequest
    /// How the files' names end.
    package var format: String
    /// Of lossy files, 1 to 100; nil for the format's own.
    package var quality: Int?
    /// What the client calls the images that it sent.
    package var inputs: [String] = []
    /// Their sizes in pixels; nil in jobs of older servers.
    package var inputSizes: [OutputSize]?
    /// Whether the last of them is what the video ends with.
    package var endsWithLastInput = false

    /// - Parameters:
    ///   - request: resolved
    ///   - format: how the files' names end
    ///   - quality: of lossy files
    package init(request: GenerationRequest, format: String, quality: Int? = nil) {
        (self.request, self.format, self.quality) = (request, format, quality)
    }
}

/// How long the parts of a job took, in seconds.
package struct JobTimings: Codable, Sendable, Equatable {
    package var queue = 0.0
    package var load = 0.0
    package var text = 0.0
    package var denoise = 0.0
    package var decode = 0.0
    package var encode = 0.0
    /// What a step cache left out; nil without one.
    package var cache: CacheReport?

    package init() {}

    /// The whole computation.
    package var generation: Double { load + text + denoise + decode }
}
