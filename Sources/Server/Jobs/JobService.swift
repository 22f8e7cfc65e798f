internal import Diffusion
internal import Engine
internal import Files
internal import Foundation
internal import GRDB
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
    private let memory: RequestMemory
    private let guardrail: JobGuardrail
    private let metrics: ServerMetrics
    private let log: Logger
    private var live: [String: LiveJob] = [:]
    private var isStopping = false
    private let reserve: StorageReserve
    /// Bytes that came into the store since it was last looked at how large it is.
    private var newBytes = 0
    /// Jobs that were removed while their folders, or the notes of them, are left.
    private var leftovers: Set<String> = []

    /// So often a job is begun before it counts as the reason why the server dies.
    private static let mostAttempts = 3
    /// How old a request may be to be taken for the one that the client asks again.
    private static let repeatSeconds = 600.0
    /// How long a job that runs may go on when the server stops.
    private static let graceSeconds = 20.0

    /// - Parameters:
    ///   - storage: where jobs and files lie
    ///   - queue: who has them computed
    ///   - model: the model
    ///   - limits: how long they are kept
    ///   - memory: told of decoded images
    ///   - metrics: told of every job
    ///   - log: told of faults
    package init(
        _ storage: ServerStorage, queue: GenerationQueue, model: ServedModel, limits: ServerLimits,
        memory: RequestMemory, metrics: ServerMetrics, log: Logger
    ) {
        (store, folder, reserve) = (storage.store, storage.folder, StorageReserve(in: storage.folder.path))
        (self.queue, self.model, self.limits) = (queue, model, limits)
        (self.memory, self.metrics, self.log) = (memory, metrics, log)
        guardrail = JobGuardrail(
            checker: model.admission.guardrail, folder: storage.folder, memory: memory,
            pixelLimit: limits.inputPixels, log: log)
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
        var wanted = Job(
            id: Identifier.new(kind), kind: new.kind, owner: new.owner, priority: new.priority,
            work: new.work.withoutImages, idempotencyKey: new.idempotencyKey,
            fingerprint: new.fingerprint(seedIsDrawn: seedIsDrawn), remixedFrom: new.remixedFrom,
            createdAt: store.clock())
        wanted.bytes = new.inputs.reduce(0) { $0 + $1.bytes.count }
        if isStopping { throw APIError.unavailable("the server is about to stop", retryAfter: 10) }
        try requireStorage()
        let repeatSeconds = new.isRepeated && new.idempotencyKey == nil ? Self.repeatSeconds : nil
        // One that is here already needs no place.
        if let known = try await store.known(wanted, sameWithin: repeatSeconds) { return try same(known, as: wanted) }
        try await queue.reserve(for: new.owner)
        do throws(APIError) {
            try await guardrail.require(new, as: wanted.id)
        } catch {
            await queue.release(for: new.owner)
            throw error
        }
        let job: Job
        do {
            job = try await keep(wanted, inputs: new.inputs.map(\.bytes), repeatSeconds)
        } catch {
            await queue.release(for: new.owner)
            log.error("a job cannot be stored", metadata: ["error": "\(error.cause)"])
            throw APIError.storageFull("the job cannot be stored")
        }
        if job.id == wanted.id {
            let life = start(job, new.work.request)
            await count(wanted.bytes + Self.rowBytes(new))
            return (job, life)
        }
        await queue.release(for: new.owner)
        return try same(job, as: wanted)
    }

    /// Puts a job and its images into the store, or nothing.
    private func keep(_ job: Job, inputs: [[UInt8]], _ repeatSeconds: Double?) async throws -> Job {
        do {
            // Before its folder is made, so that after a crash it is known whose that is.
            if !inputs.isEmpty {
                try await store.announce(job.id)
                try folder.create(job.id, inputs: inputs)
            }
            let kept = try await store.accept(job, sameWithin: repeatSeconds)
            if kept.id != job.id { clear([job.id]) } else if inputs.isEmpty { try folder.create(job.id, inputs: []) }
            return kept
        } catch {
            _ = try? await makingRoom { try await store.delete([job.id]) }
            clear([job.id])
            throw error
        }
    }

    /// The answer to a request that was accepted before.
    private func same(_ job: Job, as wanted: Job) throws(APIError) -> (job: Job, live: LiveJob?) {
        guard job.fingerprint == wanted.fingerprint else {
            throw .invalid(
                "Idempotency-Key was used before for another request", param: "Idempotency-Key",
                code: "idempotency_key_reused", status: .unprocessableContent)
        }
        return (job, live[job.id])
    }

    /// Refuses what would be written to files that have no name any more.
    nonisolated func requireStorage() throws(APIError) {
        if let lost = folder.lost { throw .storageLost(lost) }
    }

    /// About how large a request's row is.
    private static func rowBytes(_ new: NewJob) -> Int {
        let request = new.work.request
        return 1024 + (request.prompts + request.negativePrompts).reduce(0) { $0 + $1.utf8.count }
    }

    /// Keeps house at once when much has come in.
    private func count(_ bytes: Int) async {
        newBytes += bytes
        if newBytes > limits.storageBytes / 16 { await tidy() }
    }

    /// A job of an owner's that is not over.
    package func life(of id: String) -> LiveJob? { live[id] }

    /// Removes a job and its files; one that waits or runs ends.
    ///
    /// - Parameters:
    ///   - id: which
    ///   - owner: whose it must be
    /// - Returns: whether there was one
    /// - Throws: `DatabaseError`, or ``APIError``; then the job and its files are as they were
    package func delete(_ id: String, owner: String) async throws -> Bool {
        try requireStorage()
        guard try await store.job(id, owner: owner) != nil, try await !remove([id]).isEmpty else { return false }
        live[id]?.cancel()
        return true
    }

    /// Takes jobs out of the store, and then removes their files: a job that is there has its files.
    ///
    /// - Returns: those that there were
    @discardableResult
    private func remove(_ ids: [String]) async throws -> [String] {
        let removed = try await makingRoom { try await store.delete(ids) }
        clear(removed)
        return removed
    }

    /// Removes folders; what cannot be removed now is tried again later.
    private func clear(_ ids: [String]) {
        leftovers.formUnion(ids)
        for id in ids { folder.remove(id) }
    }

    /// Writes to the store; on a full disk again with the room that is kept for that.
    private func makingRoom<Value: Sendable>(_ write: () async throws -> Value) async throws -> Value {
        do {
            return try await write()
        } catch is DatabaseError {
            try? await store.shrink()
            reserve.release()
            return try await write()
        }
    }

    /// - Parameter isRecovered: whether an earlier process accepted it
    private func start(_ job: Job, _ request: GenerationRequest, isRecovered: Bool = false) -> LiveJob {
        let life = LiveJob(id: job.id)
        live[job.id] = life
        metrics.accepted()
        life.run { [self] in
            await perform(job, request, life, isRecovered: isRecovered)
            metrics.ended(hadBegun: life.stage != .queued)
            await forget(job.id)
        }
        return life
    }

    private func forget(_ id: String) { live[id] = nil }

    private func perform(_ job: Job, _ request: GenerationRequest, _ life: LiveJob, isRecovered: Bool) async {
        let share = memory.share()
        defer { share.end() }
        do {
            let request = try await isRecovered ? guardrail.renewed(job, request) : request
            let sample = guardrail.checker.sample(of: request)
            let output = try JobOutput(of: job, request, model, in: folder)
            defer { output.abandon() }
            let outcome = try await queue.run(
                request, as: job.id, owner: job.owner, priority: job.priority,
                prepare: { [guardrail] in try await guardrail.request(of: job, share) },
                waitsAgain: { [metrics, log] error in
                    log.warning("a job is begun anew", metadata: ["job": "\(job.id)", "error": "\(error.cause)"])
                    share.end()
                    metrics.retried(hadBegun: life.waitAgain())
                },
                observe: { [store, metrics] progress in
                    if life.note(progress) {
                        metrics.begun(job.id)
                        Task { try? await store.begin(job.id) }
                    }
                    if case .denoising(let step, _) = progress, step > 0 { metrics.stepped(job.id, step) }
                },
                deliver: { part in
                    try sample?.add(part)
                    try output.deliver(part)
                })
            life.beginEncoding()
            try await guardrail.checker.check(sample, of: request)
            try await Blocking.run { [folder] in
                try output.finish()
                try folder.protect(job.id)
            }
            try Task.checkCancellation()
            let timings = JobTimings(outcome, encode: output.seconds)
            let isThere = try await store.complete(
                job.id, bytes: folder.bytes(of: job.id), timings: timings, keepSeconds: limits.keepSeconds)
            if !isThere { clear([job.id]) }
            await count(folder.bytes(of: job.id))
            metrics.finished(job, timings, outcome.times)
        } catch {
            // What is called off may fail in many ways before it notices.
            let error = Task.isCancelled ? CancellationError() : error
            // In a task of its own: in a cancelled one the store would refuse to write.
            await Task { await fail(job, error) }.value
        }
    }

    private func fail(_ job: Job, _ error: any Error) async {
        if isStopping, error is CancellationError || error as? EngineError == .closed { return }
        let cause = APIError(error)
        if let error = error as? GuardrailError {
            guardrail.note(error, of: job.id)
        } else if cause.code == APIError.bug.code || cause.status.code == 507 || cause.status.code == 503 {
            log.error("a job failed", metadata: ["job": "\(job.id)", "error": "\(error.cause)"])
        }
        metrics.failed(job, code: cause.code)
        do {
            let left = cause.code == APIError.blocked("").code ? job.work.withoutContent : nil
            try await makingRoom {
                try await store.fail(job.id, cause, keepSeconds: limits.keepSeconds, leaving: left)
            }
            folder.remove(job.id)
        } catch {
            log.error("a job's failure cannot be stored", metadata: ["job": "\(job.id)", "error": "\(error.cause)"])
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
        try await sweep()
        for job in try await store.unfinished() {
            guard let request = await recoverable(job) else { continue }
            if job.status == .inProgress { try await store.requeue(job.id) }
            _ = start(job, request, isRecovered: true)
        }
    }

    private func sweep() async throws {
        let gone = try await store.disposable()
        let unknown = try folder.sweep(gone: gone, known: try await store.ids())
        try await store.forget(Array(gone.filter { folder.remove($0) }))
        reserve.fill()
        if folder.isOpenToOthers {
            log.warning("others may enter the folder of jobs", metadata: ["folder": "\(folder.path)"])
        }
        if !unknown.isEmpty {
            log.warning(
                "names in media are no jobs of the store's, and stay as they are",
                metadata: ["count": "\(unknown.count)", "names": "\(unknown.sorted().quotedList)"])
        }
    }

    /// The request of a job that can go on; one that cannot fails.
    private func recoverable(_ job: Job) async -> GenerationRequest? {
        do {
            // Nobody waits for an image any more whose connection ended with the process.
            guard job.kind == .video || job.idempotencyKey != nil else {
                throw APIError.unavailable("the server was stopped before the image was finished")
            }
            guard job.attempts < Self.mostAttempts else {
                throw APIError.unavailable("the server died \(job.attempts) times while it worked on this")
            }
            return job.work.outline
        } catch {
            await fail(job, error)
            return nil
        }
    }

    /// Removes what is kept long enough, or too much.
    package func tidy() async {
        if folder.lost != nil { return }
        newBytes = 0
        do {
            let old = try await store.superfluous(at: store.clock(), storageBytes: limits.storageBytes)
                .filter { live[$0] == nil }
            for start in stride(from: 0, to: old.count, by: 256) {
                try await remove(Array(old[start..<min(start + 256, old.count)]))
            }
            let cleared = leftovers.filter { folder.remove($0) }
            try await store.forget(Array(cleared))
            leftovers.subtract(cleared)
            reserve.fill()
        } catch {
            log.error("old jobs cannot be removed", metadata: ["error": "\(error.cause)"])
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
