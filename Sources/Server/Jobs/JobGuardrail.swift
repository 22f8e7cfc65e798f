internal import Diffusion
internal import Engine
internal import Logging

/// The guardrail as jobs meet it: before anything of a request is kept, and again where an earlier process kept it.
struct JobGuardrail: Sendable {
    /// Who is asked.
    let checker: Guardrail
    let folder: JobFolder
    let memory: RequestMemory
    /// The most pixels of an image that a client sent.
    let pixelLimit: Int
    let log: Logger

    /// Makes sure that a request is allowed of which nothing is kept yet.
    ///
    /// - Parameters:
    ///   - new: the request
    ///   - id: what the job would be called
    /// - Throws: ``APIError``
    func require(_ new: NewJob, as id: String) async throws(APIError) {
        guard checker.applies(to: new.work.request) else { return }
        let share = memory.share()
        defer { share.end() }
        do {
            let request = try await Blocking.run { [pixelLimit] in
                try new.work.withImages(pixelLimit: pixelLimit, share) { new.inputs[$0] }
            }
            try await checker.checkPrompts(of: request)
        } catch {
            if let error = error as? GuardrailError { note(error, of: id) }
            throw APIError(error)
        }
    }

    /// The request of a job that an earlier process accepted, which may have had no guardrail or another one.
    ///
    /// - Parameters:
    ///   - job: the job
    ///   - request: its request, without its images
    /// - Returns: the request, allowed
    /// - Throws: `InvalidRequest`, `GuardrailError`, `FileError`, ``APIError`` or `CancellationError`
    func renewed(_ job: Job, _ request: GenerationRequest) async throws -> GenerationRequest {
        let settled = try checker.settled(request)
        if checker.applies(to: settled) {
            let share = memory.share()
            defer { share.end() }
            try await checker.checkPrompts(of: self.request(of: job, share))
        }
        return settled
    }

    /// A job's request with its images, as it is computed.
    ///
    /// - Parameters:
    ///   - job: the job
    ///   - share: the memory that the images take
    /// - Throws: `InvalidRequest`, `FileError`, ``APIError`` or `CancellationError`
    func request(of job: Job, _ share: RequestMemory.Share) async throws -> GenerationRequest {
        let request = try await Blocking.run { [folder, pixelLimit] in
            try job.work.withImages(of: job.id, in: folder, pixelLimit: pixelLimit, share)
        }
        return try checker.settled(request)
    }

    /// Tells the log why nothing is let through; what the checker said of a request is for its client alone.
    ///
    /// - Parameters:
    ///   - error: why
    ///   - id: the job's
    func note(_ error: GuardrailError, of id: String) {
        if case .blocked(let stage, _) = error {
            log.notice("the guardrail blocked a request", metadata: ["job": "\(id)", "stage": "\(stage)"])
        } else {
            log.error("the guardrail cannot be asked", metadata: ["job": "\(id)", "error": "\(error)"])
        }
    }
}
