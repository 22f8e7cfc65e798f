internal import Diffusion
internal import Files
internal import Foundation
internal import Glibc
internal import Messaging
internal import Synchronization

/// A worker's process, as far as the engine's messages go.
actor WorkerSession {
    private let worker: InProcessWorker
    /// The other ranks that work on the model, if there are any.
    private let team: RankTeam?
    private let current: CurrentJob
    private let channel: Channel
    /// Holds the images of a request, and then previews and parts of its output until the engine takes them.
    private let buffer: SharedBuffer
    private let allowance = PartAllowance()
    private var job: (number: Int, task: Task<Void, Never>)?
    /// When what is being done last came further; nil if nothing is being done.
    private let lastProgress = Mutex<ContinuousClock.Instant?>(nil)
    /// Why what is being done could not tell how far it is, which ends it.
    private let unsaid = Mutex<(any Error)?>(nil)

    init(_ configuration: WorkerConfiguration, _ channel: Channel, _ buffer: SharedBuffer) throws {
        let doing = CurrentJob()
        team = try RankTeam.assemble(configuration) { loss in
            // This process may hang on its device: it says why, and ends.
            // A rank that is lost between jobs costs nothing but a new start.
            guard doing.number != nil || !doing.isReady else { _exit(70) }
            let failure = Failure(of: loss)
            let message = doing.number.map { WorkerMessage.spent(job: $0, failure) } ?? .unusable(failure)
            try? channel.send(message.messageBody())
            usleep(200_000)
            _exit(70)
        }
        worker = try InProcessWorker(configuration, team: team)
        current = doing
        (self.channel, self.buffer) = (channel, buffer)
    }

    /// Sends signs of life until the task is cancelled.
    ///
    /// - Parameter interval: how often
    func beat(every interval: Duration) async {
        while !Task.isCancelled {
            let age = lastProgress.withLock { $0 }.map { (ContinuousClock.now - $0).seconds }
            say(.heartbeat(secondsSinceProgress: age))
            try? await Task.sleep(for: interval)
        }
    }

    /// Does what the engine says, without waiting for its end.
    ///
    /// - Parameter message: what it says
    func handle(_ message: EngineMessage) {
        switch message {
        case .start: Task { await start() }
        case .generate(let number, let parcel):
            do {
                let request = try parcel.unpacked(from: buffer)
                // The engine has taken out what it wanted of the job before.
                try buffer.clear(to: 0)
                job = (number, Task { await generate(number, request) })
            } catch {
                say(.failed(job: number, Failure(of: error)))
            }
        case .cancel(let number): if job?.number == number { job?.task.cancel() }
        case .taken: allowance.giveBack()
        }
    }

    private func start() async {
        do {
            let offer = try await worker.start(observe: observer(of: nil))
            current.isReady = true
            try send(.ready(offer))
            lastProgress.withLock { $0 = nil }
        } catch {
            say(.unusable(Failure(of: cause(of: error))))
        }
    }

    private func generate(_ number: Int, _ request: GenerationRequest) async {
        lastProgress.withLock { $0 = .now }
        current.number = number
        defer { current.number = nil }
        do {
            let times = try await worker.generate(request, observe: observer(of: number)) { [self] part in
                try deliver(part, of: number)
            }
            lastProgress.withLock { $0 = nil }
            try send(.finished(job: number, times))
        } catch {
            lastProgress.withLock { $0 = nil }
            let failure = Failure(of: cause(of: error))
            // Where a rank is lost the engine ends this process, and starts another with other ranks.
            say(team?.isLost == true ? .spent(job: number, failure) : .failed(job: number, failure))
        }
    }

    /// Sends a part of the output, when the engine has time for it.
    private nonisolated func deliver(_ part: OutputPart, of job: Int) throws {
        // Decoding a long video takes its time: every part that comes out of it is a sign of life.
        let isAlive = { self.lastProgress.withLock { $0 = .now } }
        isAlive()
        try Task.checkCancellation()
        try allowance.take(whileWaiting: isAlive)
        do {
            try send(.part(job: job, PartParcel(part, into: buffer)))
        } catch {
            allowance.giveBack()
            throw error
        }
    }

    /// Why something ended: an error, or what was behind its being called off.
    private func cause(of error: any Error) -> any Error {
        unsaid.withLock { unsaid in
            defer { unsaid = nil }
            return unsaid ?? error
        }
    }

    private nonisolated func observer(of job: Int?) -> ProgressObserver {
        { [self] progress in
            lastProgress.withLock { $0 = .now }
            do {
                guard let message = message(of: job, progress) else { return }
                try send(message)
            } catch {
                unsaid.withLock { $0 = error }
                // Whoever is told is on its way with the job.
                withUnsafeCurrentTask { $0?.cancel() }
            }
        }
    }

    /// A preview's pixels go through the shared memory; one that finds no room there is left out.
    private nonisolated func message(of job: Int?, _ progress: Diffusion.Progress) -> WorkerMessage? {
        guard case .preview(let pixels) = progress, let job else { return .progress(job: job, progress) }
        let part = PixelPart(pixels.shape, count: pixels.shape.frames ?? 1, bytes: pixels.bytes)
        return (try? PartParcel(.pixels(part), into: buffer)).map { .preview(job: job, $0) }
    }

    private nonisolated func send(_ message: WorkerMessage) throws { try channel.send(message.messageBody()) }

    /// Says what is short.
    private nonisolated func say(_ message: WorkerMessage) {
        do {
            try send(message)
        } catch {
            // The engine could only wait in vain: it replaces a process that ends.
            let sentence = Failure(of: error).message.onOneLine
            FileHandle.standardError.write(Data("visualgen worker: \(sentence)\n".utf8))
            _exit(70)
        }
    }
}

/// The number of the job that is being done, if any is.
private final class CurrentJob: Sendable {
    private let value = Mutex<Int?>(nil)
    private let ready = Mutex(false)

    /// Whether the model is loaded.
    var isReady: Bool {
        get { ready.withLock { $0 } }
        set { ready.withLock { $0 = newValue } }
    }

    var number: Int? {
        get { value.withLock { $0 } }
        set { value.withLock { $0 = newValue } }
    }
}
