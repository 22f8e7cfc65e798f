package import Diffusion
internal import Engine
internal import HTTPTypes

/// Hands requests to the workers: in fair order, not more than may wait, and those of equal shape together.
///
/// Every worker that is free takes the batch that is next. What was on a worker that died is the next again, once.
package actor GenerationQueue {
    /// What came of one request.
    package struct Outcome: Sendable {
        package let times: StageTimes
        /// Seconds that it waited.
        package let waited: Double
        /// Requests that were computed with it, itself included.
        package let companions: Int
    }

    /// Gives the request that is computed in place of one that only has the names of its images.
    package typealias Preparation = @Sendable () async throws -> GenerationRequest

    /// Told why an attempt came to nothing.
    package typealias Regret = @Sendable (any Error) -> Void

    fileprivate struct Waiting {
        let name: String
        let request: GenerationRequest
        let key: BatchKey?
        let prepare: Preparation?
        let observe: ProgressObserver
        let deliver: OutputReceiver
        let waitsAgain: Regret
        let continuation: CheckedContinuation<Outcome, any Error>
        let turn: FairQueue.Entry
        /// Whether it is computed by itself.
        var isAlone = false
        /// Whether a worker died that was at it.
        var lostWorker = false

        var batchKey: BatchKey? { isAlone ? nil : key }
    }

    /// What a worker is doing.
    private struct Running {
        var members: [Waiting]
        let task: Task<Void, Never>
        let cost: Double
        let start = ContinuousClock.now
        /// Whether the last of its members wants nothing any more.
        var isCalledOff = false
    }

    private let model: ServedModel
    private let limits: ServerLimits
    private var order = FairQueue()
    private var waiting: [Int: Waiting] = [:]
    /// Places of requests that were let in and do not wait yet, by owner.
    private var reserved: [String: Int] = [:]
    /// By the number of its first member.
    private var running: [Int: Running] = [:]
    /// Whether the next free worker is waited for.
    private var isBorrowing = false
    private var nextNumber = 0
    private var isClosed = false
    /// Seconds for each unit of cost, as far as is known.
    private var pace: Double?

    /// - Parameters:
    ///   - model: who computes
    ///   - limits: how many may wait, and how many are computed together
    package init(_ model: ServedModel, _ limits: ServerLimits) { (self.model, self.limits) = (model, limits) }

    /// How many wait.
    package var waitingCount: Int { waiting.count }
    /// The places in the queue of those that wait, by name; 1 is served next.
    package var positions: [String: Int] {
        let names = order.forecast().compactMap { waiting[$0]?.name }
        return Dictionary(zip(names, 1...), uniquingKeysWith: min)
    }
    /// How many are being computed.
    package var runningCount: Int { running.values.reduce(0) { $0 + $1.members.count } }

    /// Waits for one's turn and has a request computed; its place was reserved.
    ///
    /// - Parameters:
    ///   - request: a resolved request
    ///   - name: what ``positions`` calls it
    ///   - owner: who asks
    ///   - priority: how urgent it is
    ///   - prepare: gives the request with its images when its turn comes; nil for one without
    ///   - waitsAgain: told what became of an attempt before it waits for another
    ///   - observe: told of every stage and step
    ///   - deliver: given every part of the output as it is decoded; one with the first frame comes again if another
    ///     attempt has to be made
    /// - Returns: how it went, when the last part is delivered
    /// - Throws: `CancellationError` within one step of the task's cancellation, an error of the worker, or what
    ///   `deliver` throws
    package func run(
        _ request: GenerationRequest, as name: String = "", owner: String, priority: Priority,
        prepare: Preparation? = nil, waitsAgain: @escaping Regret = { _ in },
        observe: @escaping ProgressObserver, deliver: @escaping OutputReceiver
    ) async throws -> Outcome {
        release(for: owner)
        if isClosed { throw EngineError.closed }
        let number = nextNumber
        nextNumber += 1
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
                let turn = FairQueue.Entry(number: number, owner: owner, priority: priority, cost: request.cost)
                waiting[number] = Waiting(
                    name: name, request: request, key: BatchKey(request),
                    prepare: request.images.isEmpty && request.lastImage == nil ? nil : prepare, observe: observe,
                    deliver: deliver, waitsAgain: waitsAgain, continuation: continuation, turn: turn)
                order.add(turn)
                advance()
            }
        } onCancel: {
            Task { await self.cancel(number) }
        }
    }

    /// Keeps a place for a request that comes soon.
    ///
    /// - Parameter owner: who asks
    /// - Throws: ``APIError`` if too many wait
    package func reserve(for owner: String) throws(APIError) {
        if isClosed { throw .unavailable("the server is about to stop", retryAfter: 10) }
        let own = order.entries.count { $0.owner == owner } + (reserved[owner] ?? 0)
        let all = waiting.count + reserved.values.reduce(0, +)
        guard own < limits.waitingPerKey, all < limits.waiting else {
            let who = own < limits.waitingPerKey ? "\(all) requests" : "\(own) requests of this key"
            throw APIError(
                .tooManyRequests, "rate_limit_error", code: "queue_full", "\(who) wait already",
                retryAfter: secondsToWait(for: 1))
        }
        reserved[owner, default: 0] += 1
    }

    /// Gives a place back that is not needed.
    ///
    /// - Parameter owner: who asked
    package func release(for owner: String) {
        guard let places = reserved[owner] else { return }
        reserved[owner] = places > 1 ? places - 1 : nil
    }

    /// Takes no more requests, and sends those away that wait; what is being computed goes on.
    package func close() {
        isClosed = true
        sendAway(EngineError.closed)
    }

    private func sendAway(_ error: any Error) {
        for (number, entry) in waiting {
            order.remove(number)
            entry.continuation.resume(throwing: error)
        }
        waiting = [:]
    }

    /// After how many seconds so many of those that wait will have been served; 1 to 60.
    private func secondsToWait(for count: Int) -> Int {
        let now = running.values.reduce(0) { $0 + $1.cost }
        let ahead = order.entries.prefix(count).map(\.cost).reduce(now, +) / Double(model.workers.count)
        return min(60, max(1, Int((ahead * (pace ?? 0)).rounded(.up))))
    }

    private func cancel(_ number: Int) {
        if let entry = waiting.removeValue(forKey: number) {
            order.remove(number)
            entry.continuation.resume(throwing: CancellationError())
            return
        }
        for (first, batch) in running {
            guard let place = batch.members.firstIndex(where: { $0.turn.number == number }) else { continue }
            // The others of its batch go on; the last one takes the batch with it.
            if batch.members.count > 1 {
                running[first]?.members.remove(at: place).continuation.resume(throwing: CancellationError())
            } else {
                running[first]?.isCalledOff = true
                batch.task.cancel()
            }
        }
    }
}

// What is computed.
extension GenerationQueue {
    /// Waits for a free worker if anyone waits for one, which takes what is next by then.
    private func advance() {
        guard !isBorrowing, !waiting.isEmpty else { return }
        isBorrowing = true
        Task {
            do {
                let loan = try await model.workers.borrow()
                isBorrowing = false
                if !begin(on: loan) { await model.workers.giveBack(loan) }
            } catch {
                isBorrowing = false
                sendAway(error)
            }
            advance()
        }
    }

    /// - Returns: whether anything was left to do
    private func begin(on loan: WorkerPool.Loan) -> Bool {
        guard let turn = order.next(), let first = waiting.removeValue(forKey: turn.number) else { return false }
        start([first] + (first.batchKey.map { companions(of: first, $0) } ?? []), on: loan)
        return true
    }

    /// Those that wait and can be computed together with one, as many as the memory holds.
    private func companions(of first: Waiting, _ key: BatchKey) -> [Waiting] {
        var found: [Waiting] = []
        var merged = first.request
        while found.count + 1 < limits.batch {
            let match = order.candidate { waiting[$0.number]?.batchKey == key }
            guard let number = match?.number, let entry = waiting[number] else { break }
            let larger = merged.merged(with: entry.request)
            guard model.admission.fits(larger) else { break }
            merged = larger
            order.take(number)
            waiting[number] = nil
            found.append(entry)
        }
        return found
    }

    private func start(_ members: [Waiting], on loan: WorkerPool.Loan) {
        let request = members.dropFirst().reduce(members[0].request) { $0.merged(with: $1.request) }
        // What has images is in no batch.
        let prepare = members[0].prepare
        let observers = members.map(\.observe)
        let shares = BatchShares(members.map(\.deliver))
        let numbers = members.map(\.turn.number)
        let task = Task {
            do {
                let request = try await prepare?() ?? request
                let times = try await loan.worker.generate(
                    request,
                    observe: { progress in
                        for (place, observe) in observers.enumerated() {
                            observe(progress.share(place, of: observers.count))
                        }
                    }, deliver: shares.deliver)
                finish(.success(times), numbers, faults: shares.faults)
                await model.workers.giveBack(loan)
            } catch {
                // What is put back waits before the worker is free.
                finish(.failure(error), numbers, faults: shares.faults)
                await model.workers.giveBack(loan, after: error)
            }
        }
        running[numbers[0]] = Running(members: members, task: task, cost: request.cost)
    }

    /// - Parameters:
    ///   - result: of the whole batch
    ///   - numbers: of all who were in it, in order
    ///   - faults: of those to whom nothing could be delivered
    private func finish(_ result: Result<StageTimes, any Error>, _ numbers: [Int], faults: [Int: any Error]) {
        guard let done = running.removeValue(forKey: numbers[0]) else { return }
        if case .success = result { note((ContinuousClock.now - done.start).seconds / max(done.cost, 1)) }
        for entry in done.members {
            let fault = numbers.firstIndex(of: entry.turn.number).flatMap { faults[$0] }
            switch fault.map({ .failure($0) }) ?? result {
            case .success(let times):
                let waited = (done.start - entry.turn.arrival).seconds
                entry.continuation.resume(
                    returning: Outcome(times: times, waited: waited, companions: numbers.count))
            case .failure where done.isCalledOff: entry.continuation.resume(throwing: CancellationError())
            case .failure(let error):
                if fault == nil, let again = entry.retry(after: error, inBatch: numbers.count > 1) {
                    wait(again, after: error)
                } else {
                    entry.continuation.resume(throwing: error)
                }
            }
        }
        advance()
    }

    /// Lets one wait for another attempt; a queue that is closed has none.
    private func wait(_ entry: Waiting, after error: any Error) {
        if isClosed { return entry.continuation.resume(throwing: EngineError.closed) }
        entry.waitsAgain(error)
        waiting[entry.turn.number] = entry
        order.putBack(entry.turn)
    }

    private func note(_ seconds: Double) { pace = pace.map { 0.7 * $0 + 0.3 * seconds } ?? seconds }
}

extension GenerationQueue.Waiting {
    /// The same, to be computed by itself.
    ///
    /// - Parameters:
    ///   - error: what became of the last attempt
    ///   - inBatch: whether others took part in it, who may be why
    /// - Returns: nil if there is to be no other attempt
    fileprivate func retry(after error: any Error, inBatch: Bool) -> Self? {
        guard inBatch || error.isWorkersEnd && !lostWorker, !(error is CancellationError) else { return nil }
        var again = self
        (again.isAlone, again.lostWorker) = (true, lostWorker || error.isWorkersEnd)
        return again
    }
}

extension GenerationRequest {
    /// What it takes, in pixels times steps.
    var cost: Double {
        Double(outputCount) * Double(height ?? 0) * Double(width ?? 0) * Double(numFrames ?? 1)
            * Double(stepCount)
    }
}

extension Diffusion.Progress {
    /// What one request of a batch is told.
    fileprivate func share(_ index: Int, of count: Int) -> Self {
        if case .preview(let pixels) = self { .preview(pixels.share(index, of: count)) } else { self }
    }
}
