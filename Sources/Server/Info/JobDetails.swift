internal import Diffusion

/// One job in full: how far it is, what it makes with which settings, and how long that took.
struct JobDetails: Encodable {
    /// In seconds.
    struct Timings: Encodable {
        let queue, load, text, denoise, decode, encode, total: Double

        init(_ timings: JobTimings) {
            (queue, load, text) = (timings.queue, timings.load, timings.text)
            (denoise, decode, encode) = (timings.denoise, timings.decode, timings.encode)
            total = timings.generation + timings.encode
        }
    }

    /// An image that the client sent: `GET /v1/jobs/{id}/inputs/{index}`.
    struct Input: Encodable {
        let index: Int
        let role: String
        let name: String
    }

    let id, kind, status, stage: String
    let object = "job"
    let progress: Int
    /// The steps that are done, and all of them.
    let step, steps: Int
    let position: Int?
    let createdAt: Int
    let completedAt, expiresAt: Int?
    let model: String
    let prompt, negativePrompt: String?
    let size, format: String
    let count: Int
    let seed: UInt64?
    let numInferenceSteps: Int?
    let guidanceScale: Double?
    let maxSequenceLength, numFrames: Int?
    let fps: Double?
    let extraParams: [String: ParameterValue]
    let inputs: [Input]
    let bytes: Int
    /// How many previews there were so far; the last is at `GET /v1/jobs/{id}/preview`.
    let previews: Int
    let timings: Timings?
    let cache: [CacheSummary]?
    let error: VideoObject.Failure?
    let warnings: [String]?

    /// - Parameters:
    ///   - job: the job
    ///   - life: its life; nil if it is over
    ///   - position: its place among all that wait
    ///   - model: what clients call the model
    ///   - warnings: what was accepted and changes nothing
    init(_ job: Job, _ life: LiveJob?, position: Int?, model: String, warnings: [String]) {
        let video = VideoObject(job, life, model: model)
        (id, kind, status, progress) = (job.id, job.kind.rawValue, video.status, video.progress)
        (stage, previews) = (life?.stage.rawValue ?? "", life?.previews ?? 0)
        (createdAt, completedAt, expiresAt) = (video.createdAt, video.completedAt, video.expiresAt)
        (self.position, self.model, format, bytes) = (position, model, job.work.format, job.bytes)
        (size, seed, error, cache) = (video.size, video.seed, video.error, video.cache)
        self.warnings = warnings.isEmpty ? nil : warnings
        let request = job.work.request
        (prompt, negativePrompt) = (request.prompts.first, request.negativePrompts.first)
        (numInferenceSteps, guidanceScale) = (request.numInferenceSteps, request.guidanceScale)
        (maxSequenceLength, numFrames, fps) = (request.maxSequenceLength, request.numFrames, request.frameRate)
        (count, extraParams) = (request.outputCount, request.extra)
        let all = request.stepCount
        (step, steps) = (job.status == .completed ? all : life?.steps.done ?? 0, all)
        timings = job.timings.map(Timings.init)
        let last = job.work.endsWithLastInput ? job.work.inputs.indices.last : nil
        let role = job.kind == .video ? "first_frame" : "image"
        inputs = job.work.inputs.enumerated().map { index, name in
            Input(index: index, role: index == last ? "last_frame" : role, name: name)
        }
    }
}
