internal import Diffusion
internal import Foundation

/// A video as OpenAI's clients read it, with what TensorRT-LLM tells besides.
struct VideoObject: Encodable {
    struct Failure: Encodable {
        let code, message: String
    }

    let id: String
    let object = "video"
    let model: String
    let status: String
    /// Steps that were really computed, out of a hundred.
    let progress: Int
    let createdAt: Int
    let completedAt, expiresAt: Int?
    let prompt: String?
    let size: String
    /// A text, as OpenAI has it.
    let seconds: String
    let duration, fps: Double
    let numFrames: Int
    let seed: UInt64?
    let remixedFromVideoId: String?
    let error: Failure?
    let cache: [CacheSummary]?
    let warnings: [String]?

    /// - Parameters:
    ///   - job: a video's, read as a whole
    ///   - life: its life; nil if it is over
    ///   - model: what clients call the model
    ///   - warnings: what was accepted and changes nothing
    init(_ job: Job, _ life: LiveJob?, model: String, warnings: [String] = []) {
        self.init(JobSummary(job), life, model: model, warnings: warnings)
    }

    /// - Parameters:
    ///   - job: a video's
    ///   - life: its life; nil if it is over
    ///   - model: what clients call the model
    ///   - warnings: what was accepted and changes nothing
    init(_ job: JobSummary, _ life: LiveJob?, model: String, warnings: [String] = []) {
        (id, self.model, prompt, seed) = (job.id, model, job.prompt, job.seed)
        let isRunning = !job.isOver && life.map { $0.stage != .queued } ?? false
        status = isRunning ? Job.Status.inProgress.rawValue : job.status.rawValue
        progress = job.status == .completed ? 100 : life?.progress ?? 0
        (createdAt, completedAt) = (Int(job.createdAt), job.completedAt.map { Int($0) })
        expiresAt = job.expiresAt.map { Int($0) }
        size = "\(job.width)x\(job.height)"
        (numFrames, fps) = (job.frames ?? 0, job.frameRate ?? 0)
        duration = fps > 0 ? Double(numFrames) / fps : 0
        seconds = String(format: "%g", duration)
        remixedFromVideoId = job.remixedFrom
        error = job.status == .failed ? Failure(code: job.errorCode ?? "", message: job.errorMessage ?? "") : nil
        cache = job.cache
        self.warnings = warnings.isEmpty ? nil : warnings
    }
}

/// Some videos.
struct VideoList: Encodable {
    let object = "list"
    let data: [VideoObject]
    let firstId, lastId: String?
    let hasMore: Bool

    init(_ videos: [VideoObject], hasMore: Bool) {
        (data, self.hasMore) = (videos, hasMore)
        (firstId, lastId) = (videos.first?.id, videos.last?.id)
    }
}
