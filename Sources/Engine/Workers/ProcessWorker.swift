package import Diffusion
internal import Files
internal import Foundation

/// A worker in a process of its own, which is replaced when it dies or hangs.
///
/// A death costs the job that the process was given, which fails with the cause; the jobs behind it wait for the
/// replacement.
package actor ProcessWorker: Worker {
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
    private var jobs = WorkerJobs()
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

    package var restarts: Int { max(0, life - 1) }

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

    package func generate(
        _ request: GenerationRequest, observe: @escaping ProgressObserver, deliver: @escaping OutputReceiver
    ) async throws -> StageTimes {
        if isClosed { throw EngineError.closed }
        let number = nextNumber
        nextNumber += 1
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                jobs.add(WorkerJobs.Job(number, request, observe, PartDelivery(to: deliver, continuation)))
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
        let isModelsFault = verdict is Failure
        let cause =
            verdict
            ?? EngineError.workerDied(worker: index, process: process.identifier, ending: "\(ending)")
        process.close()
        watch?.cancel()
        let wasLoaded = offer != nil
        (self.process, offer, verdict) = (nil, nil, nil)
        finish(with: .failure(cause))
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
        case .progress(let number?, let progress): jobs.current(number)?.observe(progress)
        case .preview(let number, let parcel):
            guard let job = jobs.current(number), case .pixels(let part)? = unpack(parcel, from: process) else {
                return
            }
            job.observe(.preview(PixelBatch(part)))
        case .part(let number, let parcel):
            // Taken out, so that its memory is free, if someone waits for it or not.
            guard let part = unpack(parcel, from: process) else { return }
            guard let job = jobs.current(number) else { return partWasTaken(of: number, in: life) }
            job.delivery.add(part) { [weak self, life] fault in
                Task { await self?.partWasTaken(of: number, in: life, fault) }
            }
        case .ready(let offer):
            self.offer = offer
            for starter in starters { starter.resume(returning: offer) }
            starters = []
            advance()
        case .unusable(let failure):
            verdict = failure
            process.kill()
        case .finished(let number, let times):
            if jobs.current(number) != nil { finish(with: .success(times)) }
            deaths = 0
        case .failed(let number, let failure):
            guard jobs.current(number) != nil else { return }
            finish(with: .failure(failure.kind == .cancelled ? CancellationError() : failure))
        case .spent(let number, let failure):
            // Before the job ends, so that no other begins.
            let loss = EngineError.teamLost(failure.message)
            verdict = loss
            if jobs.current(number) != nil { finish(with: .failure(failure.kind == .worker ? loss : failure)) }
            process.kill()
        case .heartbeat(let age):
            guard jobs.isBusy, let age, age > limits.stall.seconds else { return }
            condemn(
                .workerHung(
                    worker: index, process: process.identifier, symptom: "finished no step for \(Int(age)) seconds"))
        }
    }

    private func unpack(_ parcel: PartParcel, from process: WorkerProcess) -> OutputPart? {
        do {
            return try process.unpack(parcel)
        } catch {
            condemn(.workerHung(worker: index, process: process.identifier, symptom: "lost a result: \(error)"))
            return nil
        }
    }

    /// Lets the process send another part, and calls a job off whose parts nobody wants.
    private func partWasTaken(of number: Int, in life: Int, _ fault: (any Error)? = nil) {
        guard life == self.life else { return }
        try? process?.say(.taken)
        if fault != nil, jobs.current(number) != nil { try? process?.say(.cancel(job: number)) }
    }

    /// Hands the next job to the process, as soon as both are there.
    private func advance() {
        guard let job = jobs.next else { return }
        guard let process, offer != nil, verdict == nil else { return launchIfNeeded() }
        jobs.begin()
        do {
            try process.assign(job.number, job.request)
        } catch {
            finish(with: .failure(Failure(of: error)))
        }
    }

    /// Ends what the process is at, if it is at anything.
    private func finish(with result: Result<StageTimes, any Error>) {
        guard let job = jobs.finish() else { return }
        job.delivery.end(result)
        advance()
    }

    private func cancel(_ number: Int) {
        if jobs.current(number) != nil {
            try? process?.say(.cancel(job: number))
        } else {
            jobs.withdraw(number)?.delivery.end(.failure(CancellationError()))
        }
    }

    /// Fails everyone who waits.
    private func fail(_ error: any Error) {
        for job in jobs.removeAll() { job.delivery.end(.failure(error)) }
        for starter in starters { starter.resume(throwing: error) }
        starters = []
    }

    private func stopStarting() {
        for starter in starters { starter.resume(throwing: CancellationError()) }
        starters = []
        if jobs.isEmpty, offer == nil { condemn(.closed) }
    }
}
