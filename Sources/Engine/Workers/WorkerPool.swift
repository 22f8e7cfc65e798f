package import Diffusion
internal import Files

/// Workers of one model: what comes next is done by whichever is free.
///
/// One that died is waited for while the others go on. What it was doing is done once more, before all that waits; what
/// loses a second worker fails with the cause.
package actor WorkerPool: Worker {
    /// A worker that does nothing else until it is given back.
    package struct Loan: Sendable {
        package let worker: any Worker
        fileprivate let place: Int
    }

    /// How one of the workers is.
    package struct Condition: Sendable {
        package let isReady: Bool
        /// How often its process was replaced.
        package let restarts: Int
        /// Why it could not be started again, the last time that was tried.
        package let fault: (any Error)?
    }

    fileprivate enum State {
        case free, lent
        /// It is being started, again and again; with the reason why that was in vain so far.
        case starting(fault: (any Error)?)
    }

    private let workers: [any Worker]
    private let limits: WorkerLimits
    private var states: [State]
    private var offer: ModelOffer?
    /// Who waits for a worker; the smallest number is next.
    private var borrowers: [Int: CheckedContinuation<Loan, any Error>] = [:]
    private var nextNumber = 0
    private var isClosed = false

    /// - Parameters:
    ///   - workers: at least one, each with the same model
    ///   - limits: how long a worker that could not be started is left alone
    package init(_ workers: [any Worker], limits: WorkerLimits = WorkerLimits()) {
        precondition(!workers.isEmpty, "a pool needs a worker")
        (self.workers, self.limits) = (workers, limits)
        states = workers.map { _ in .free }
    }

    /// How many workers there are.
    package nonisolated var count: Int { workers.count }

    /// Starts all workers beside each other, and waits for all.
    ///
    /// One that cannot be started for a reason of its own is tried again later, if any other is ready.
    ///
    /// - Parameter observe: told of each component of the first one
    /// - Returns: what the model offers; with the memory of the smallest device
    /// - Throws: what is wrong with the model, told once; else why the first worker could not be started, if none could
    package func start(observe: @escaping ProgressObserver) async throws -> ModelOffer {
        if isClosed { throw EngineError.closed }
        if let offer { return offer }
        states = workers.map { _ in .starting(fault: nil) }
        let attempts = await attemptAll(observe)
        let offers = attempts.compactMap(\.offer)
        let faults = attempts.compactMap(\.fault)
        // Others are called off where one tells what holds for all.
        let common = faults.first { $0.isCommon && !($0 is CancellationError) } ?? faults.first(where: \.isCommon)
        guard common == nil, var offer = offers.first else {
            await close()
            throw common ?? faults.first ?? EngineError.closed
        }
        offer.deviceMemory = offers.compactMap(\.deviceMemory).min()
        self.offer = offer
        for attempt in attempts {
            if attempt.fault == nil { release(attempt.place) } else { repair(attempt.place, after: attempt.fault) }
        }
        return offer
    }

    /// What came of starting one worker.
    private struct Attempt: Sendable {
        let place: Int
        var offer: ModelOffer?
        var fault: (any Error)?

        init(_ place: Int, _ worker: any Worker, _ observe: @escaping ProgressObserver) async {
            self.place = place
            do { offer = try await worker.start(observe: observe) } catch { fault = error }
        }
    }

    private static let nobody: ProgressObserver = { _ in }

    /// Starts every worker once, unless one finds what is wrong with all.
    ///
    /// - Returns: what came of it, in the workers' order
    private func attemptAll(_ observe: @escaping ProgressObserver) async -> [Attempt] {
        await withTaskGroup(of: Attempt.self) { group in
            for (place, worker) in workers.enumerated() {
                let observe = place == 0 ? observe : Self.nobody
                group.addTask { await Attempt(place, worker, observe) }
            }
            var attempts: [Attempt] = []
            for await attempt in group {
                attempts.append(attempt)
                if let fault = attempt.fault, fault.isCommon { group.cancelAll() }
            }
            return attempts.sorted { $0.place < $1.place }
        }
    }

    package func generate(
        _ request: GenerationRequest, observe: @escaping ProgressObserver, deliver: @escaping OutputReceiver
    ) async throws -> StageTimes {
        let number = drawNumber()
        do {
            return try await generate(request, as: number, observe: observe, deliver: deliver)
        } catch let error where error.isWorkersEnd {
            try Task.checkCancellation()
            return try await generate(request, as: number, observe: observe, deliver: deliver)
        }
    }

    /// Whether any worker is ready.
    package func isReady() async -> Bool {
        for worker in workers where await worker.isReady() { return true }
        return false
    }

    package func close() async {
        isClosed = true
        turnAway(EngineError.closed)
        await withTaskGroup { group in
            for worker in workers { group.addTask { await worker.close() } }
        }
    }

    /// How the workers are, in their order.
    package func conditions() async -> [Condition] {
        var conditions: [Condition] = []
        for (place, worker) in workers.enumerated() {
            let (isReady, restarts) = (await worker.isReady(), await worker.restarts)
            conditions.append(Condition(isReady: isReady, restarts: restarts, fault: states[place].fault))
        }
        return conditions
    }
}

// Lending.
extension WorkerPool {
    /// Waits for a free worker that is ready.
    ///
    /// - Returns: one that is to be given back
    /// - Throws: `CancellationError`, ``EngineError/closed``, or why none of the workers can be started
    package func borrow() async throws -> Loan { try await borrow(as: drawNumber()) }

    /// Takes a worker back.
    ///
    /// - Parameters:
    ///   - loan: what was borrowed
    ///   - error: what it ended with, if it failed
    package func giveBack(_ loan: Loan, after error: (any Error)? = nil) {
        if error?.isWorkersEnd ?? false { repair(loan.place) } else { release(loan.place) }
    }

    private func generate(
        _ request: GenerationRequest, as number: Int, observe: @escaping ProgressObserver,
        deliver: @escaping OutputReceiver
    ) async throws -> StageTimes {
        let loan = try await borrow(as: number)
        do {
            let times = try await loan.worker.generate(request, observe: observe, deliver: deliver)
            giveBack(loan)
            return times
        } catch {
            giveBack(loan, after: error)
            throw error
        }
    }

    private func drawNumber() -> Int {
        defer { nextNumber += 1 }
        return nextNumber
    }

    private func borrow(as number: Int) async throws -> Loan {
        if isClosed { throw EngineError.closed }
        for place in workers.indices where states[place].isFree {
            states[place] = .lent
            if await workers[place].isReady() { return Loan(worker: workers[place], place: place) }
            repair(place)
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if isClosed { return continuation.resume(throwing: EngineError.closed) }
                if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
                borrowers[number] = continuation
                // One may have come back while the last was asked.
                if let place = states.firstIndex(where: \.isFree) { release(place) }
            }
        } onCancel: {
            Task { await self.withdraw(number) }
        }
    }

    private func withdraw(_ number: Int) {
        borrowers.removeValue(forKey: number)?.resume(throwing: CancellationError())
    }

    private func turnAway(_ error: any Error) {
        for borrower in borrowers.values { borrower.resume(throwing: error) }
        borrowers = [:]
    }

    /// Lends a worker to who is next, or keeps it for who comes.
    private func release(_ place: Int) {
        guard let number = borrowers.keys.min(), let borrower = borrowers.removeValue(forKey: number) else {
            states[place] = .free
            return
        }
        states[place] = .lent
        borrower.resume(returning: Loan(worker: workers[place], place: place))
    }

    /// Waits until a worker is ready again; if none can be started, those who wait are told why.
    private func repair(_ place: Int, after fault: (any Error)? = nil) {
        states[place] = .starting(fault: fault)
        Task { [worker = workers[place], limits] in
            var failures = fault == nil ? 0 : 1
            while !isClosed {
                if failures > 0 { try? await Task.sleep(for: limits.delay(after: failures)) }
                do {
                    _ = try await worker.start { _ in }
                    return release(place)
                } catch {
                    failures += 1
                    states[place] = .starting(fault: error)
                    if states.allSatisfy({ $0.fault != nil }) { turnAway(error) }
                }
            }
        }
    }
}

extension WorkerPool.State {
    var isFree: Bool { if case .free = self { true } else { false } }

    var fault: (any Error)? { if case .starting(let fault) = self { fault } else { nil } }
}

extension Error {
    /// Whether a worker died or was killed, through no known fault of what it was doing.
    package var isWorkersEnd: Bool {
        switch self as? EngineError {
        case .workerDied, .workerHung, .teamLost: true
        default: false
        }
    }

    /// Whether no other worker of the same model would fare better.
    fileprivate var isCommon: Bool { [.model, .input, .cancelled].contains(Failure(of: self).kind) }
}
