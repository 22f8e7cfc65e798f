package import Diffusion
internal import Synchronization

/// A job that waits or is being computed, as those see it who ask about it or wait for it.
package final class LiveJob: Sendable {
    /// What it is doing.
    package enum Stage: String, Sendable { case queued, loading, text, denoising, decoding, encoding }

    private struct State {
        var stage = Stage.queued
        var step = 0
        var steps = 0
        var previews: [PixelBatch] = []
        /// The step after which the last of them was shown.
        var previewedStep = -1
        /// The same of the attempts before: what they have shown is not shown again.
        var earlierPreviewedStep = -1
        var listeners: [Int: AsyncStream<PixelBatch>.Continuation] = [:]
        var task: Task<Void, Never>?
        var isCancelled = false
        var isOver = false
    }

    package let id: String
    private let state = Mutex(State())

    package init(id: String) { self.id = id }

    /// What it is doing.
    package var stage: Stage { state.withLock { $0.stage } }

    /// The steps that are done, and all of them.
    package var steps: (done: Int, all: Int) { state.withLock { ($0.step, $0.steps) } }

    /// How far it is: steps that were really computed, out of a hundred.
    ///
    /// 100 is for what is completed.
    package var progress: Int {
        let (done, all) = steps
        return all > 0 ? min(99, 100 * done / all) : 0
    }

    /// What it looked like last.
    package var preview: PixelBatch? { state.withLock { $0.previews.last } }

    /// How many previews there were.
    package var previews: Int { state.withLock { $0.previews.count } }

    /// Every preview there was so far, then those that come until it is over.
    ///
    /// Whoever has started a job and then listens misses none, however quick the job is.
    package func shown() -> AsyncStream<PixelBatch> {
        let (shown, continuation) = AsyncStream.makeStream(of: PixelBatch.self)
        state.withLock { state in
            for pixels in state.previews { continuation.yield(pixels) }
            if state.isOver { return continuation.finish() }
            let key = (state.listeners.keys.max() ?? 0) + 1
            state.listeners[key] = continuation
            continuation.onTermination = { [weak self] _ in self?.forget(key) }
        }
        return shown
    }

    /// Calls it off: it ends within one step.
    package func cancel() {
        state.withLock { state in
            state.isCancelled = true
            return state.task
        }?.cancel()
    }

    /// Waits until it is over.
    package func wait() async { await state.withLock { $0.task }?.value }

    /// Says what computes it.
    package func run(_ body: @escaping @Sendable () async -> Void) {
        state.withLock { state in
            let task = Task {
                await body()
                self.end()
            }
            state.task = task
            if state.isCancelled { task.cancel() }
        }
    }

    /// Takes note of what the worker tells.
    ///
    /// - Returns: whether its computation has just begun
    package func note(_ progress: Diffusion.Progress) -> Bool {
        state.withLock { state in
            let isFirst = state.stage == .queued
            switch progress {
            case .loading: state.stage = .loading
            case .encodingText: state.stage = .text
            case .denoising(let step, let steps):
                (state.stage, state.step, state.steps) = (.denoising, step, steps)
            case .preview(let pixels):
                guard state.step > state.earlierPreviewedStep else { break }
                state.previewedStep = state.step
                state.previews.append(pixels)
                for listener in state.listeners.values { listener.yield(pixels) }
            case .decoding: state.stage = .decoding
            }
            return isFirst
        }
    }

    /// It waits again: what was computed of it is lost, and what was shown stays.
    ///
    /// - Returns: whether its computation had begun
    package func waitAgain() -> Bool {
        state.withLock { state in
            let hadBegun = state.stage != .queued
            (state.stage, state.step) = (.queued, 0)
            state.earlierPreviewedStep = max(state.earlierPreviewedStep, state.previewedStep)
            return hadBegun
        }
    }

    func beginEncoding() { state.withLock { $0.stage = .encoding } }

    private func end() {
        let listeners = state.withLock { state in
            defer { state.listeners = [:] }
            state.isOver = true
            return Array(state.listeners.values)
        }
        for listener in listeners { listener.finish() }
    }

    private func forget(_ key: Int) { state.withLock { _ = $0.listeners.removeValue(forKey: key) } }
}
