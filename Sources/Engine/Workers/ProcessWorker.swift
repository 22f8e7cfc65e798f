package import Diffusion
internal import Foundation

/// A worker in a process of its own, which is replaced when it dies or hangs.
///
/// A death costs the job that was being done, which fails with the cause; the jobs behind it, and one that the process
/// had not begun, wait for the replacement.
package actor ProcessWorker: Worker {
    /// A request on its way.
    private struct Job {
        let number: Int
        let request: GenerationRequest
        let observe: ProgressObserver
        let continuation: CheckedContinuation<WorkerResult, any Error>
        /// Whether a process has said that it began.
        var hasBegun = false
        /// Whether a process died before it said so.
        var wasLost = false
    }

    private let index: Int
    private let configuration: WorkerConfiguration
    private let limits: WorkerLimits

    private var process: WorkerProcess?
    /// Which life of the process this is: what an earlier one said late is not listened to.
    private var life = 0
    /// What the model offers; nil while none is loaded.
    private var offer: ModelOffer?
    private var starters: [CheckedContinuation<ModelOffer, any Error>] = []
    private var observeLoading: ProgressObserver = { _ in }
    /// In the order they came; the first is being done if ``isBusy``.
    private var jobs: [Job] = []
    private var isBusy = false
    private var nextNumber = 0
    private var lastWord = ContinuousClock.now
    /// Why the process was killed, or will end by itself.
    private var verdict: (any Error)?
    private var deaths = 0
    private var replacement: Task<Void, Never>?
    private var watch: Task<Void, Never>?
    private var isClosed = false
    private var closers: [CheckedContinuation<Void, Never>] = []

    /// - Parameters:
    ///   - configuration: which model, and how
    ///   - index: its number among the engine's workers
    ///   - limits: how long it is waited for
    package init(_ configuration: WorkerConfiguration, index: Int = 0, limits: WorkerLimits = WorkerLimits()) {
        (self.configuration, self.index, self.limits) = (configuration, index, limits)
    }

    /// The system's number of the process, if there is one.
    package var processIdentifier: Int32? { process?.identifier }

    package func start(observe: @escaping ProgressObserver) async throws -> ModelOffer {
        if isClosed { throw EngineError.closed }
        if let offer { return offer }
        observeLoading = observe
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                starters.append(continuation)
                launchIfNeeded()
            }
        } onCancel: {
            Task { await self.stopStarting() }
        }
    }

    package func generate(_ request: GenerationRequest, observe: @escaping ProgressObserver) async throws
        -> WorkerResult
    {
        if isClosed { throw EngineError.closed }
        let number = nextNumber
        nextNumber += 1
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                jobs.append(
                    Job(number: number, request: request, observe: observe, continuation: continuation))
                advance()
            }
        } onCancel: {
            Task { await self.cancel(number) }
        }
    }

    /// A process that has said nothing for a quarter of the time after which it counts as hung is not relied on.
    package func isReady() -> Bool {
        process != nil && offer != nil && verdict == nil && ContinuousClock.now - lastWord < limits.silence / 4
    }

    package func close() async {
        isClosed = true
        replacement?.cancel()
        fail(EngineError.closed)
        guard let process else { return }
        verdict = EngineError.closed
        process.kill()
        await withCheckedContinuation { closers.append($0) }
    }
}

// The life of the process.
extension ProcessWorker {
    private func launchIfNeeded() {
        guard process == nil, replacement == nil, !isClosed else { return }
        life += 1
        let life = life
        let (events, continuation) = AsyncStream.makeStream(of: WorkerProcess.Event.self)
        do {
            process = try WorkerProcess(configuration) { continuation.yield($0) }
        } catch {
            fail(EngineError.notStarted(worker: index, reason: "\(error)"))
            return
        }
        (lastWord, verdict) = (.now, nil)
        Task { [weak self] in
            for await event in events {
                guard let self else { return }
                if await !self.hear(event, of: life) { return }
            }
        }
        watch = Task { [weak self, limits] in
            while !Task.isCancelled {
                try? await Task.sleep(for: min(.milliseconds(250), limits.silence / 4))
                await self?.checkForLife()
            }
        }
    }

    /// - Returns: whether more is to come
    private func hear(_ event: WorkerProcess.Event, of life: Int) -> Bool {
        guard life == self.life, let process else { return false }
        switch event {
        case .said(let message):
            lastWord = .now
            hear(message, from: process)
            return true
        case .unusable(let reason):
            condemn(EngineError.workerHung(worker: index, process: process.identifier, symptom: reason))
            return true
        case .ended(let ending):
            bury(process, ending)
            return false
        }
    }

    private func bury(_ process: WorkerProcess, _ ending: ChildProcess.Ending) {
        let (isModelsFault, isSudden) = (verdict is Failure, verdict == nil)
        let cause =
            verdict
            ?? EngineError.workerDied(worker: index, process: process.identifier, ending: "\(ending)")
        process.close()
        watch?.cancel()
        let wasLoaded = offer != nil
        (self.process, offer, verdict) = (nil, nil, nil)
        if isBusy, isSudden, !jobs[0].hasBegun, !jobs[0].wasLost {
            (isBusy, jobs[0].wasLost) = (false, true)
        } else if isBusy {
            finish(with: .failure(cause))
        }
        for closer in closers { closer.resume() }
        closers = []
        if isClosed { return }
        deaths += 1
        if isModelsFault || !wasLoaded && deaths >= limits.startAttempts { fail(cause) }
        replacement = Task { [weak self, delay = limits.delay(after: deaths)] in
            try? await Task.sleep(for: delay)
            await self?.replace(ifWanted: isModelsFault)
        }
    }

    /// - Parameter ifWanted: whether nothing is started unless someone waits for it
    private func replace(ifWanted: Bool) {
        replacement = nil
        if !ifWanted || !jobs.isEmpty || !starters.isEmpty { launchIfNeeded() }
    }

    private func checkForLife() {
        guard let process, verdict == nil, ContinuousClock.now - lastWord > limits.silence else { return }
        condemn(
            EngineError.workerHung(
                worker: index, process: process.identifier, symptom: "said nothing for \(limits.silence)"))
    }

    private func condemn(_ error: EngineError) {
        if verdict == nil { verdict = error }
        process?.kill()
    }
}

// What the process says, and what becomes of jobs.
extension ProcessWorker {
    private func hear(_ message: WorkerMessage, from process: WorkerProcess) {
        switch message {
        case .progress(nil, let progress): observeLoading(progress)
        case .progress(let number?, let progress):
            guard let job = current(number) else { return }
            jobs[0].hasBegun = true
            job.observe(progress)
        case .preview(let number, let shape, let offset):
            guard let job = current(number) else { return }
            jobs[0].hasBegun = true
            do {
                job.observe(.preview(try process.preview(shape, at: offset)))
            } catch {
                condemn(.workerHung(worker: index, process: process.identifier, symptom: "lost a preview: \(error)"))
            }
        case .ready(let offer):
            self.offer = offer
            for starter in starters { starter.resume(returning: offer) }
            starters = []
            advance()
        case .unusable(let failure):
            verdict = failure
            process.kill()
        case .finished(let number, let shape, let times):
            do {
                let pixels = try process.pixels(shape)
                if current(number) != nil { finish(with: .success(WorkerResult(pixels: pixels, times: times))) }
                deaths = 0
            } catch {
                condemn(.workerHung(worker: index, process: process.identifier, symptom: "lost a result: \(error)"))
            }
        case .failed(let number, let failure):
            guard current(number) != nil else { return }
            finish(with: .failure(failure.kind == .cancelled ? CancellationError() : failure))
        case .heartbeat(let age):
            guard isBusy, let age, age > limits.stall.seconds else { return }
            condemn(
                .workerHung(
                    worker: index, process: process.identifier, symptom: "finished no step for \(Int(age)) seconds"))
        }
    }

    private func current(_ number: Int) -> Job? {
        guard isBusy, let job = jobs.first, job.number == number else { return nil }
        return job
    }

    /// Hands the next job to the process, as soon as both are there.
    private func advance() {
        guard !isBusy, let job = jobs.first else { return }
        guard let process, offer != nil, verdict == nil else { return launchIfNeeded() }
        isBusy = true
        do {
            try process.assign(job.number, job.request)
        } catch {
            finish(with: .failure(Failure(of: error)))
        }
    }

    private func finish(with result: Result<WorkerResult, any Error>) {
        isBusy = false
        jobs.removeFirst().continuation.resume(with: result)
        advance()
    }

    private func cancel(_ number: Int) {
        if current(number) != nil {
            try? process?.say(.cancel(job: number))
        } else if let place = jobs.firstIndex(where: { $0.number == number }) {
            jobs.remove(at: place).continuation.resume(throwing: CancellationError())
        }
    }

    /// Fails everyone who waits.
    private func fail(_ error: any Error) {
        isBusy = false
        for job in jobs { job.continuation.resume(throwing: error) }
        for starter in starters { starter.resume(throwing: error) }
        (jobs, starters) = ([], [])
    }

    private func stopStarting() {
        for starter in starters { starter.resume(throwing: CancellationError()) }
        starters = []
        if jobs.isEmpty, offer == nil { condemn(.closed) }
    }
}
