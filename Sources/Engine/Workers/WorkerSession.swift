internal import Diffusion
internal import Files
internal import Foundation
internal import Glibc
internal import Messaging
internal import Synchronization

/// A worker's process, as far as the engine's messages go.
actor WorkerSession {
    private let worker: InProcessWorker
    private let channel: Channel
    private let buffer, previews: SharedBuffer
    private var job: (number: Int, task: Task<Void, Never>)?
    /// When what is being done last came further; nil if nothing is being done.
    private let lastProgress = Mutex<ContinuousClock.Instant?>(nil)
    /// Why what is being done could not tell how far it is, which ends it.
    private let unsaid = Mutex<(any Error)?>(nil)

    init(
        _ configuration: WorkerConfiguration, _ channel: Channel, _ buffer: SharedBuffer, previews: SharedBuffer
    ) throws {
        worker = try InProcessWorker(configuration)
        (self.channel, self.buffer, self.previews) = (channel, buffer, previews)
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
                // What was shown of the job before has been taken out.
                try previews.clear(to: 0)
                job = (number, Task { await generate(number, request) })
            } catch {
                say(.failed(job: number, Failure(of: error)))
            }
        case .cancel(let number): if job?.number == number { job?.task.cancel() }
        }
    }

    private func start() async {
        do {
            let offer = try await worker.start(observe: observer(of: nil))
            try send(.ready(offer))
            lastProgress.withLock { $0 = nil }
        } catch {
            say(.unusable(Failure(of: cause(of: error))))
        }
    }

    private func generate(_ number: Int, _ request: GenerationRequest) async {
        lastProgress.withLock { $0 = .now }
        do {
            let shape = Mutex<PixelShape?>(nil)
            let times = try await worker.generate(request, observe: observer(of: number)) { [self] part in
                // Decoding a long video takes its time: every part that comes out of it is a sign of life.
                lastProgress.withLock { $0 = .now }
                try Task.checkCancellation()
                try buffer.write(part)
                shape.withLock { $0 = part.shape }
            }
            guard let shape = shape.withLock({ $0 }) else { throw EngineError.noPixels }
            lastProgress.withLock { $0 = nil }
            try send(.finished(job: number, shape, times))
        } catch {
            lastProgress.withLock { $0 = nil }
            // What was made so far would hold memory until the next job.
            try? buffer.clear(to: 0)
            say(.failed(job: number, Failure(of: cause(of: error))))
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
                try send(message(of: job, progress))
            } catch {
                unsaid.withLock { $0 = error }
                // Whoever is told is on its way with the job.
                withUnsafeCurrentTask { $0?.cancel() }
            }
        }
    }

    /// A preview's pixels, which no message has room for, go through memory of their own.
    private nonisolated func message(of job: Int?, _ progress: Diffusion.Progress) throws -> WorkerMessage {
        guard case .preview(let pixels) = progress, let job else { return .progress(job: job, progress) }
        return .preview(job: job, pixels.shape, at: try previews.append(pixels.bytes))
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

extension SharedBuffer {
    /// Writes a part of a batch to its place; the first part makes room for the whole.
    ///
    /// - Parameter part: parts come in the order of their frames
    /// - Throws: `MessagingError`
    fileprivate func write(_ part: PixelPart) throws {
        if part.firstFrame == 0 { try clear(to: part.shape.byteCount) }
        for item in 0..<part.shape.count {
            let (range, offset) = part.piece(item)
            try write(part.bytes[range], at: offset)
        }
    }
}
