internal import Diffusion
internal import Engine
internal import Foundation
internal import HTTPTypes
package import Logging
internal import ServiceLifecycle
internal import Synchronization

/// Accepts jobs, has them computed, keeps what came of them, and takes up after a restart what was not finished.
package actor JobService: Service {
    package nonisolated let store: JobStore
    package nonisolated let folder: JobFolder
    private let queue: GenerationQueue
    private let model: ServedModel
    private let limits: ServerLimits
    private let metrics: ServerMetrics
    private let log: Logger
    private var live: [String: LiveJob] = [:]
    private var isStopping = false

    /// So often a job is begun before it counts as the reason why the server dies.
    private static let mostAttempts = 3
    /// How old a request may be to be taken for the one that the client asks again.
    private static let repeatSeconds = 600.0
    /// How long a job that runs may go on when the server stops.
    private static let graceSeconds = 20.0

    /// - Parameters:
    ///   - folder: where jobs and files lie
    ///   - queue: who has them computed
    ///   - model: the model
    ///   - limits: how long they are kept
    ///   - metrics: told of every job
    ///   - clock: tells the seconds since 1970
    ///   - log: told of faults
    /// - Throws: ``ServerError``
    package init(
        folder: JobFolder, queue: GenerationQueue, model: ServedModel, limits: ServerLimits, metrics: ServerMetrics,
        clock: @escaping @Sendable () -> Double, log: Logger
    ) throws(ServerError) {
        store = try JobStore(path: folder.storePath, clock: clock)
        (self.folder, self.queue, self.model, self.limits) = (folder, queue, model, limits)
        (self.metrics, self.log) = (metrics, log)
    }

    /// Accepts a request: from here on it is not lost.
    ///
    /// - Parameters:
    ///   - new: the request
    ///   - seedIsDrawn: whether the client gave no seed
    /// - Returns: the job, and its life here, nil if it is over; an earlier job if this is the same request again
    /// - Throws: ``APIError``
    package func accept(_ new: NewJob, seedIsDrawn: Bool) async throws -> (job: Job, live: LiveJob?) {
        let kind = new.kind == .image ? "image" : "video"
        let wanted = Job(
            id: Identifier.new(kind), kind: new.kind, owner: new.owner, priority: new.priority,
            work: new.work.withoutPictures, idempotencyKey: new.idempotencyKey,
            fingerprint: new.fingerprint(seedIsDrawn: seedIsDrawn), remixedFrom: new.remixedFrom,
            createdAt: store.clock())
        if isStopping { throw APIError.unavailable("the server is about to stop", retryAfter: 10) }
        try await queue.reserve(for: new.owner)
        let job: Job
        do {
            try folder.create(wanted.id, inputs: new.inputs.map(\.bytes))
            job = try await store.accept(
                wanted, sameWithin: new.isRepeated && new.idempotencyKey == nil ? Self.repeatSeconds : nil)
        } catch {
            await queue.release(for: new.owner)
            folder.remove(wanted.id)
            log.error("a job cannot be stored", metadata: ["error": "\(error)"])
            throw APIError.storageFull("the job cannot be stored")
        }
        if job.id == wanted.id { return (job, start(job, new.work.request)) }
        await queue.release(for: new.owner)
        folder.remove(wanted.id)
        guard job.fingerprint == wanted.fingerprint else {
            throw APIError.invalid(
                "Idempotency-Key was used before for another request", param: "Idempotency-Key",
                code: "idempotency_key_reused", status: .unprocessableContent)
        }
        return (job, live[job.id])
    }

    /// A job of an owner's that is not over.
    package func life(of id: String) -> LiveJob? { live[id] }

    /// Removes a job and its files; one that waits or runs ends.
    ///
    /// - Parameters:
    ///   - id: which
    ///   - owner: whose it must be
    /// - Returns: whether there was one
    /// - Throws: `DatabaseError`
    package func delete(_ id: String, owner: String) async throws -> Bool {
        guard try await store.job(id, owner: owner) != nil, try await remove(id) else { return false }
        live[id]?.cancel()
        return true
    }

    /// Takes a job out of the store and removes its files; on a full disk the files go first and make room for that.
    ///
    /// - Returns: whether there was one
    @discardableResult
    private func remove(_ id: String) async throws -> Bool {
        do {
            guard try await store.delete(id) else { return false }
        } catch {
            folder.remove(id)
            try? await store.shrink()
            return try await store.delete(id)
        }
        folder.remove(id)
        return true
    }

    private func start(_ job: Job, _ request: GenerationRequest) -> LiveJob {
        let life = LiveJob(id: job.id)
        live[job.id] = life
        metrics.accepted()
        life.run { [self] in
            await perform(job, request, life)
            metrics.ended(hadBegun: life.stage != .queued)
            await forget(job.id)
        }
        return life
    }

    private func forget(_ id: String) { live[id] = nil }

    private func perform(_ job: Job, _ request: GenerationRequest, _ life: LiveJob) async {
        do {
            let outcome = try await queue.run(request, as: job.id, owner: job.owner, priority: job.priority) {
                [store, metrics] progress in
                if life.note(progress) {
                    metrics.begun(job.id)
                    Task { try? await store.begin(job.id) }
                }
                if case .denoising(let step, _) = progress, step > 0 { metrics.stepped(job.id, step) }
            }
            life.beginEncoding()
            let start = ContinuousClock.now
            let writer = OutputWriter(job: job, request: request, model: model, folder: folder)
            try await Blocking.run { try writer.write(outcome.pixels) }
            try Task.checkCancellation()
            let timings = JobTimings(outcome, encode: (ContinuousClock.now - start).seconds)
            let isThere = try await store.complete(
                job.id, bytes: folder.bytes(of: job.id), timings: timings, keepSeconds: limits.keepSeconds)
            if !isThere { folder.remove(job.id) }
            metrics.finished(job, timings, steps: outcome.times.denoise)
        } catch {
            // In a task of its own: in a cancelled one the store would refuse to write.
            await Task { await fail(job, error) }.value
        }
    }

    private func fail(_ job: Job, _ error: any Error) async {
        if isStopping, error is CancellationError || error as? EngineError == .closed { return }
        let cause = APIError(error)
        if cause.code == APIError.bug.code || cause.status.code == 507 || cause.status.code == 503 {
            log.error("a job failed", metadata: ["job": "\(job.id)", "error": "\(error)"])
        }
        metrics.failed(job, code: cause.code)
        folder.remove(job.id)
        do {
            try await store.fail(job.id, cause, keepSeconds: limits.keepSeconds)
        } catch {
            log.error("a job's failure cannot be stored", metadata: ["job": "\(job.id)", "error": "\(error)"])
        }
    }
}

// The life of the server.
extension JobService {
    /// Keeps house until the server stops, and then lets what runs come to its end.
    package func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            while !Task.isCancelled {
                await tidy()
                try? await Task.sleep(for: .seconds(15))
            }
        }
        await stop()
    }

    /// Takes up the jobs that an earlier process left; to be called before any is accepted.
    ///
    /// - Throws: `DatabaseError`
    package func recover() async throws {
        folder.sweep(known: try await store.ids())
        for job in try await store.unfinished() {
            guard let request = await recoverable(job) else { continue }
            try await store.requeue(job.id)
            _ = start(job, request)
        }
    }

    /// The request of a job that can go on; one that cannot fails.
    private func recoverable(_ job: Job) async -> GenerationRequest? {
        do {
            // Nobody waits for a picture any more whose connection ended with the process.
            guard job.kind == .video || job.idempotencyKey != nil else {
                throw APIError.unavailable("the server was stopped before the picture was finished")
            }
            guard job.attempts < Self.mostAttempts else {
                throw APIError.unavailable("the server died \(job.attempts) times while it worked on this")
            }
            return try job.work.withPictures(of: job.id, in: folder, pixelLimit: limits.inputPixels)
        } catch {
            await fail(job, error)
            return nil
        }
    }

    /// Removes what is kept long enough, or too much.
    package func tidy() async {
        do {
            for id in try await store.superfluous(at: store.clock(), storageBytes: limits.storageBytes)
            where live[id] == nil {
                try await remove(id)
            }
        } catch {
            log.error("old jobs cannot be removed", metadata: ["error": "\(error)"])
        }
    }

    /// What runs may end within some seconds; what has not stays in the store and goes on after the next start.
    private func stop() async {
        isStopping = true
        await queue.close()
        let lives = Array(live.values)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for life in lives { await life.wait() } }
            group.addTask {
                try? await Task.sleep(for: .seconds(Self.graceSeconds))
                for life in lives { life.cancel() }
            }
            await group.next()
            group.cancelAll()
        }
    }

    /// Makes the jobs that wait stop waiting, for a server that is about to stop.
    package func close() async {
        isStopping = true
        await queue.close()
    }
}

extension JobTimings {
    fileprivate init(_ outcome: GenerationQueue.Outcome, encode: Double) {
        let times = outcome.times
        (queue, load, text) = (outcome.waited, times.load, times.text)
        (denoise, decode, self.encode) = (times.denoise.reduce(0, +), times.decode, encode)
        cache = times.cache
    }
}
