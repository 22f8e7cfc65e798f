internal import Diffusion
internal import Files
internal import Foundation
internal import Layers
internal import Parallel
internal import Synchronization
internal import Tensors

/// The other ranks that work on this process's model, as rank 0 sees them: it starts them, tells them of jobs, and notices
/// when one is lost.
///
/// A rank that is lost ends the team: what is being done fails, the other ranks are ended, and nothing more can be asked.
package final class RankTeam: Sendable {
    /// Rank 0's place.
    let seat: RankSeat
    /// Rank 0's part of the configuration.
    package let own: WorkerConfiguration
    /// How long a rank of this host may say nothing.
    private let silence: Duration
    private let lost: @Sendable (EngineError) -> Void
    private let state = Mutex(State())

    private struct State {
        var children: [Int: ChildProcess] = [:]
        var loss: EngineError?
        var jobs = 0
        var isClosed = false
        var isBusy = false
        var watch: Task<Void, Never>?
        var aborters: [GroupAborter] = []
    }

    /// Starts the ranks of this host, or meets those that torchrun or SLURM started.
    ///
    /// - Parameters:
    ///   - configuration: which model, and how; its plan has the layout
    ///   - silence: how long a rank may say nothing
    ///   - environment: the process's variables
    ///   - lost: told of a rank that is lost while rank 0 may hang on its device and cannot throw
    /// - Returns: nil where one rank works alone
    /// - Throws: ``EngineError``, `ExternalLaunchError` or `TensorError`
    package static func assemble(
        _ configuration: WorkerConfiguration, silence: Duration = .seconds(5),
        _ environment: [String: String] = ProcessInfo.processInfo.environment,
        lost: @escaping @Sendable (EngineError) -> Void
    ) throws -> RankTeam? {
        let layout = configuration.options.plan.parallel
        guard layout.count > 1 else { return nil }
        if let (seat, localRank) = try RankSeat.launched(layout, environment) {
            let own = configuration.ofRank(localRank, of: 1)
            let team = RankTeam(seat, own, silence: max(silence, .seconds(20)), lost)
            team.watchOver()
            return team
        }
        for rank in 0..<layout.count { try EngineError.require(configuration.options.plan.device.ofRank(rank)) }
        let store = try RendezvousStore.hosting(timeout: RankSeat.answer)
        let seat = RankSeat(rank: 0, layout: layout, store: store, patience: RankSeat.patience)
        let team = RankTeam(seat, configuration.ofRank(0, of: layout.count), silence: silence, lost)
        do {
            for rank in 1..<layout.count { try team.start(rank, configuration.ofRank(rank, of: layout.count)) }
        } catch {
            team.close()
            throw error
        }
        team.watchOver()
        return team
    }

    private init(
        _ seat: RankSeat, _ own: WorkerConfiguration, silence: Duration,
        _ lost: @escaping @Sendable (EngineError) -> Void
    ) {
        (self.seat, self.own, self.silence, self.lost) = (seat, own, silence, lost)
    }

    deinit { close() }

    /// Whether a rank is lost, and so nothing more can be asked.
    package var isLost: Bool { state.withLock { $0.loss != nil } }

    /// The system's numbers of the ranks that this one started.
    package var processes: [Int: Int32] { state.withLock { $0.children.mapValues(\.identifier) } }

    /// Ends the other ranks of this host.
    package func close() {
        let (isFirst, children) = state.withLock { state in
            defer { state.isClosed = true }
            state.watch?.cancel()
            return (!state.isClosed, state.children.values)
        }
        guard isFirst else { return }
        for child in children { child.kill() }
        if children.isEmpty, !isLost { dismiss() }
    }

    /// Lets the ranks end that a launcher started; the store may go with this process.
    private func dismiss() {
        guard let store = try? seat.store.copy(), (try? store.set(seat.key(.isOver), [1])) != nil else { return }
        let end = ContinuousClock.now + .seconds(3)
        while ContinuousClock.now < end, let left = try? store.add(seat.key(.left), 0), left < seat.layout.count - 1 {
            usleep(50_000)
        }
    }

    private func start(_ rank: Int, _ configuration: WorkerConfiguration) throws {
        let invitation = RankInvitation(
            rank: rank, host: "127.0.0.1", port: seat.store.port, configuration: configuration)
        let child = try ChildProcess(
            WorkerLocation.program(), ["worker"], inheriting: [],
            firstLine: WorkerWelcome.rank(invitation).messageBody() + Array("\n".utf8)
        ) { [weak self] ending in self?.hasEnded(rank, ending) }
        state.withLock { $0.children[rank] = child }
    }
}

// What ranks are told.
extension RankTeam {
    /// Waits until every rank is there, as long as none is lost.
    func gather() throws {
        let store = try seat.store.copy()
        let start = ContinuousClock.now
        for rank in 1..<seat.layout.count {
            while try store.value(of: seat.key(.isHere(rank)), within: .milliseconds(200)) == nil {
                if let loss = state.withLock({ $0.loss }) { throw loss }
                guard ContinuousClock.now - start < seat.patience else {
                    throw EngineError.rankLost(rank, reason: "did not come within \(seat.patience)")
                }
            }
        }
    }

    /// Told how the groups of this rank can be ended from another thread.
    func note(_ aborters: [GroupAborter]) { state.withLock { $0.aborters = aborters } }

    /// Tells every rank of a request, which all begin at once.
    ///
    /// - Parameter request: what is to be made
    func begin(_ request: GenerationRequest) throws {
        let number = try state.withLock { state in
            if let loss = state.loss { throw loss }
            (state.jobs, state.isBusy) = (state.jobs + 1, true)
            return state.jobs
        }
        let store = try seat.store.copy()
        try store.set(seat.key(.job(number)), RequestBytes(request).bytes)
        if number > 2 { try store.remove(seat.key(.job(number - 2))) }
    }

    /// What is told of a job's end.
    ///
    /// - Parameter error: what rank 0 threw; nil for nothing
    /// - Returns: the error that the job fails with, of a lost rank what became of it; nil where there is none
    func end(_ error: (any Error)?) -> (any Error)? {
        state.withLock { $0.isBusy = false }
        // Numbers that nobody waited for any more are not those that were asked for.
        guard let error else { return state.withLock { $0.loss } }
        // What all ranks throw at the same place leaves them together.
        if RankAgreement.isAgreed(error) { return error }
        defer { close() }
        guard let error = error as? TensorError, error.kind == .peerLost else {
            state.withLock { $0.loss = $0.loss ?? .rankLost(0, reason: Failure(of: error).message) }
            return error
        }
        // Who is lost is known a moment after the others notice, or else gives no more signs of life.
        let (end, before) = (ContinuousClock.now + .seconds(2), pulses())
        while ContinuousClock.now < end {
            if let loss = state.withLock({ $0.loss }) { return loss }
            usleep(20_000)
        }
        let after = pulses()
        let silent = after.indices.first { after[$0] == before[$0] }.map { $0 + 1 }
        let loss = EngineError.rankLost(silent, reason: error.message)
        state.withLock { $0.loss = loss }
        return loss
    }

    /// The last signs of life of the ranks from 1 on.
    private func pulses() -> [[UInt8]?] {
        let store = try? seat.store.copy()
        return (1..<seat.layout.count).map { rank in
            (try? store?.value(of: seat.key(.pulse(rank)), within: .zero)) ?? nil
        }
    }
}

// What becomes of ranks.
extension RankTeam {
    private func hasEnded(_ rank: Int, _ ending: ChildProcess.Ending) {
        if state.withLock({ $0.isClosed || $0.loss != nil }) { return }
        lose(rank, (try? seat.store.copy()).flatMap { reported(rank, $0) } ?? "\(ending)")
    }

    /// What a rank said before it ended.
    private func reported(_ rank: Int, _ store: RendezvousStore) -> String? {
        let bytes = (try? store.value(of: seat.key(.failure(rank)), within: .zero)) ?? nil
        return bytes.flatMap { try? Failure(messageBody: $0).message }
    }

    private func lose(_ rank: Int, _ reason: String) {
        let error = EngineError.rankLost(rank, reason: reason)
        let (isFirst, isBusy) = state.withLock { state in
            let isFirst = state.loss == nil && !state.isClosed
            if isFirst { state.loss = error }
            return (isFirst, state.isBusy)
        }
        guard isFirst else { return }
        let (children, aborters) = state.withLock { ($0.children.values, $0.aborters) }
        for child in children { child.kill() }
        // Over NCCL nobody notices: what hangs on the device is given up, which may itself hang as long as a call may take.
        Thread.detachNewThread { for aborter in aborters { aborter.abort() } }
        // Nobody waits: what comes next begins with other ranks.
        guard isBusy else { return lost(error) }
        Task { [weak self] in
            try? await Task.sleep(for: .seconds(3))
            guard let self, state.withLock({ $0.isBusy && !$0.isClosed }) else { return }
            lost(error)
        }
    }

    /// Ends ranks that say nothing.
    ///
    /// What counts is how often a rank was asked in vain: where this process stood still meanwhile, the rank may not have.
    private func watchOver() {
        let (seat, silence, interval) = (seat, silence, Duration.milliseconds(500))
        let task = Task { [weak self] in
            var heard: [Int: (pulse: [UInt8], silences: Int)] = [:]
            guard let store = try? seat.store.copy() else { return }
            while !Task.isCancelled {
                try? await Task.sleep(for: interval)
                for rank in 1..<seat.layout.count {
                    let answer = (try? store.value(of: seat.key(.pulse(rank)), within: .zero)) ?? nil
                    guard let pulse = answer else { continue }
                    let last = heard[rank]
                    let silences = pulse == last?.pulse ? (last?.silences ?? 0) + 1 : 0
                    heard[rank] = (pulse, silences)
                    guard let self else { return }
                    if let failure = reported(rank, store) { lose(rank, failure) }
                    if interval * silences >= silence { lose(rank, "said nothing for \(silence)") }
                }
            }
        }
        state.withLock { $0.watch = task }
    }
}

/// Errors that every rank throws at the same place.
enum RankAgreement {
    static func isAgreed(_ error: any Error) -> Bool {
        error is CancellationError || error is InvalidRequest || error is NonFiniteOutput
    }
}
