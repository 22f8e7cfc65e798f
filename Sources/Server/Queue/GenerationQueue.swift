package import Diffusion
internal import Engine
internal import HTTPTypes

/// Hands requests to the worker: in fair order, not more than may wait, and those of equal shape together.
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

    fileprivate struct Waiting {
        let name: String
        let request: GenerationRequest
        let batchKey: BatchKey?
        let prepare: Preparation?
        let observe: ProgressObserver
        let deliver: OutputReceiver
        let continuation: CheckedContinuation<Outcome, any Error>
        let arrival = ContinuousClock.now
    }

    /// What the worker is doing.
    private struct Running {
        var members: [(number: Int, waiting: Waiting)]
        let task: Task<Void, Never>
        let cost: Double
        let start = ContinuousClock.now
    }

    private let model: ServedModel
    private let limits: ServerLimits
    private var order = FairQueue()
    private var waiting: [Int: Waiting] = [:]
    /// Places of requests that were let in and do not wait yet, by owner.
    private var reserved: [String: Int] = [:]
    private var running: Running?
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
    package var runningCount: Int { running?.members.count ?? 0 }

    /// Waits for one's turn and has a request computed; its place was reserved.
    ///
    /// - Parameters:
    ///   - request: a resolved request
    ///   - name: what ``positions`` calls it
    ///   - owner: who asks
    ///   - priority: how urgent it is
    ///   - prepare: gives the request with its images when its turn comes; nil for one without
    ///   - observe: told of every stage and step
    ///   - deliver: given every part of the output as it is decoded; one with the first frame comes again if another
    ///     attempt has to be made
    /// - Returns: how it went, when the last part is delivered
    /// - Throws: `CancellationError` within one step of the task's cancellation, an error of the worker, or what
    ///   `deliver` throws
    package func run(
        _ request: GenerationRequest, as name: String = "", owner: String, priority: Priority,
        prepare: Preparation? = nil, observe: @escaping ProgressObserver, deliver: @escaping OutputReceiver
    ) async throws -> Outcome {
        release(for: owner)
        if isClosed { throw EngineError.closed }
        let number = nextNumber
        nextNumber += 1
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
                waiting[number] = Waiting(
                    name: name, request: request, batchKey: BatchKey(request),
                    prepare: request.images.isEmpty && request.lastImage == nil ? nil : prepare, observe: observe,
                    deliver: deliver, continuation: continuation)
                order.add(FairQueue.Entry(number: number, owner: owner, priority: priority, cost: request.cost))
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
        for (number, entry) in waiting {
            order.remove(number)
            entry.continuation.resume(throwing: EngineError.closed)
        }
        waiting = [:]
    }

    /// After how many seconds so many of those that wait will have been served; 1 to 60.
    private func secondsToWait(for count: Int) -> Int {
        let ahead = order.entries.prefix(count).map(\.cost).reduce(running?.cost ?? 0, +)
        return min(60, max(1, Int((ahead * (pace ?? 0)).rounded(.up))))
    }

    private func cancel(_ number: Int) {
        if let entry = waiting.removeValue(forKey: number) {
            order.remove(number)
            entry.continuation.resume(throwing: CancellationError())
        } else if let place = running?.members.firstIndex(where: { $0.number == number }) {
            // The others of its batch go on; the last one takes the batch with it.
            guard running?.members.count == 1 else {
                running?.members.remove(at: place).waiting.continuation.resume(throwing: CancellationError())
                return
            }
            running?.task.cancel()
        }
    }
}

// What is computed.
extension GenerationQueue {
    private func advance() {
        guard running == nil, let first = order.next(), let entry = waiting.removeValue(forKey: first.number) else {
            return
        }
        var members = [(number: first.number, waiting: entry)]
        if let key = entry.batchKey { members += companions(of: entry, key) }
        start(members)
    }

    /// Those that wait and can be computed together with one, as many as the memory holds.
    private func companions(of first: Waiting, _ key: BatchKey) -> [(number: Int, waiting: Waiting)] {
        var found: [(number: Int, waiting: Waiting)] = []
        var merged = first.request
        while found.count + 1 < limits.batch {
            let match = order.candidate { waiting[$0.number]?.batchKey == key }
            guard let number = match?.number, let entry = waiting[number] else { break }
            let larger = merged.merged(with: entry.request)
            guard model.admission.fits(larger) else { break }
            merged = larger
            order.take(number)
            waiting[number] = nil
            found.append((number, entry))
        }
        return found
    }

    private func start(_ members: [(number: Int, waiting: Waiting)]) {
        let request = members.dropFirst().reduce(members[0].waiting.request) { $0.merged(with: $1.waiting.request) }
        // What has images is in no batch.
        let prepare = members[0].waiting.prepare
        let observers = members.map(\.waiting.observe)
        let shares = BatchShares(members.map(\.waiting.deliver))
        let task = Task {
            let numbers = members.map(\.number)
            do {
                let request = try await prepare?() ?? request
                let times = try await model.worker.generate(
                    request,
                    observe: { progress in
                        for (place, observe) in observers.enumerated() {
                            observe(progress.share(place, of: observers.count))
                        }
                    }, deliver: shares.deliver)
                finish(.success(times), numbers, faults: shares.faults)
            } catch {
                finish(.failure(error), numbers, faults: shares.faults)
            }
        }
        running = Running(members: members, task: task, cost: request.cost)
    }

    /// - Parameters:
    ///   - result: of the whole batch
    ///   - numbers: of all who were in it, in order
    ///   - faults: of those to whom nothing could be delivered
    private func finish(_ result: Result<StageTimes, any Error>, _ numbers: [Int], faults: [Int: any Error]) {
        guard let done = running else { return }
        running = nil
        if case .success = result { note((ContinuousClock.now - done.start).seconds / max(done.cost, 1)) }
        if case .failure(let error) = result, !(error is CancellationError), numbers.count > 1 {
            // One of them, or their number, may be why: each for itself.
            for (number, entry) in done.members {
                if let fault = faults[numbers.firstIndex(of: number) ?? 0] {
                    entry.continuation.resume(throwing: fault)
                    continue
                }
                waiting[number] = entry.alone
                order.add(FairQueue.Entry(number: number, owner: "", priority: .high, cost: 0))
            }
            return advance()
        }
        for (number, entry) in done.members {
            let fault = faults[numbers.firstIndex(of: number) ?? 0]
            entry.continuation.resume(
                with: (fault.map { .failure($0) } ?? result).map { times in
                    Outcome(
                        times: times, waited: (done.start - entry.arrival).seconds, companions: numbers.count)
                })
        }
        advance()
    }

    private func note(_ seconds: Double) { pace = pace.map { 0.7 * $0 + 0.3 * seconds } ?? seconds }
}

extension GenerationQueue.Waiting {
    /// The same, to be computed by itself.
    fileprivate var alone: Self {
        Self(
            name: name, request: request, batchKey: nil, prepare: prepare, observe: observe, deliver: deliver,
            continuation: continuation)
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
