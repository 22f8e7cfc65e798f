internal import Diffusion
internal import NIOCore

extension ServerCore {
    /// Waits for a job whose client waits for the answer; if the client goes away, so does the job.
    ///
    /// A job with an idempotency key goes on: its client said that it may ask again.
    ///
    /// - Parameters:
    ///   - job: the job
    ///   - life: its life; nil if it is over
    ///   - channel: the client's
    ///   - show: given each preview
    /// - Returns: the job, completed
    /// - Throws: ``APIError`` if it failed
    func outcome(
        of job: Job, _ life: LiveJob?, for channel: any Channel,
        show: @concurrent (PixelBatch) async throws -> Void = { _ in }
    ) async throws -> Job {
        if let life {
            let goesOn = job.idempotencyKey != nil
            do {
                // Beside the requests, which it does not read: the connection serves the next one afterwards.
                try await ClientConnection.of(channel).watching {
                    for await pixels in life.shown() { try await show(pixels) }
                    await life.wait()
                } whenGone: {
                    if !goesOn { life.cancel() }
                }
            } catch {
                if !goesOn { life.cancel() }
                throw error
            }
        }
        guard let over = try await jobs.store.job(job.id, owner: job.owner) else { throw APIError.cancelled }
        guard over.status == .completed else { throw APIError(of: over) }
        return over
    }
}

extension APIError {
    /// Why a job failed, as the client is told that waited for it.
    ///
    /// - Parameter job: a job that is over, or whose end could not be stored
    init(of job: Job) {
        let message = job.errorMessage ?? "the job was stopped"
        switch job.errorCode {
        case Self.cancelled.code: self = .cancelled
        case "storage_full": self = .storageFull(message)
        case Self.bug.code: self = .bug
        case Self.guardrailUnavailable.code: self = .guardrailUnavailable
        case "unavailable", nil: self = .unavailable(message)
        case let code?: self = .invalid(message, code: code)
        }
    }
}
