package import Diffusion
internal import Layers
internal import Parallel
package import Tensors

/// One device of this process, its thread, and the model loaded there.
package actor LocalWorker {
    private let thread: DeviceThread
    let device: Device
    private var pipeline: Pipeline?
    /// The other ranks, on rank 0.
    private let team: RankTeam?
    /// This rank's place; nil where one works alone.
    private let seat: RankSeat?
    private var ranks: Ranks?

    package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    /// Starts the device's thread.
    ///
    /// - Parameters:
    ///   - device: where models run
    ///   - threads: how many threads one operation may use; nil for as many as may run at once
    ///   - team: the other ranks that work on its models, if this is the first of several
    ///   - seat: this rank's place, if it is another than the first
    package init(device: Device, threads: Int? = nil, team: RankTeam? = nil, seat: RankSeat? = nil) {
        thread = DeviceThread(name: "\(device)", threads: threads)
        (self.device, self.team, self.seat) = (device, team, seat ?? team?.seat)
    }

    deinit { thread.close() }

    /// Loads a model in place of the one before.
    ///
    /// - Parameters:
    ///   - model: the model
    ///   - options: how it is opened, on this device
    ///   - observe: told of each component
    /// - Throws: any error of a bad checkpoint, `StepCacheError`, or `TensorError`
    package func load(
        _ model: any ModelFamily, _ options: PipelineOptions, observe: @escaping ProgressObserver = { _ in }
    ) throws {
        pipeline = nil
        try EngineError.enter(device)
        // In 16-bit runs a few parts compute in 32 bits, and TF32 keeps more than those runs have.
        ThreadSettings.allowsTF32Convolutions = options.plan.dtype != .float32
        var options = options
        options.plan.device = device
        options.memoryLimit = try options.memoryLimit ?? deviceMemory()
        let ranks = try join()
        // What one rank has no room for is refused by all.
        if let limit = options.memoryLimit { options.memoryLimit = try ranks?.least(limit) ?? limit }
        let opened = try model.load(options, ranks)
        try opened.prepare(observe: observe)
        try device.synchronize()
        pipeline = opened
    }

    /// Meets the other ranks, once.
    ///
    /// - Returns: nil where one works alone
    func join() throws -> Ranks? {
        if let ranks { return ranks }
        guard let seat else { return nil }
        try team?.gather()
        let joined = try seat.ranks(on: device)
        team?.note(joined.aborters)
        ranks = joined
        // Over NCCL a group's end waits for the other ranks, which may be gone: that is left to the end of the process.
        if device != .cpu { _ = Unmanaged.passRetained(joined) }
        return joined
    }

    /// The bytes of the GPU that this process has or may still have.
    ///
    /// - Returns: nil on a CPU
    /// - Throws: ``EngineError`` or `TensorError`
    package func deviceMemory() throws -> Int? {
        try EngineError.enter(device)
        return try device.memory()?.available
    }

    /// Makes what a request asks for.
    ///
    /// - Parameters:
    ///   - request: a request that the family has resolved
    ///   - tracing: whether intermediate results are kept
    ///   - profile: where the record of all operations goes, as ``Profile`` writes it; nil for none
    ///   - observe: told of every stage and step
    ///   - deliver: given every part of the output as it is decoded
    /// - Returns: times, and the trace if it was asked for
    /// - Throws: `CancellationError` between two steps, or an error of the pipeline
    package func generate(
        _ request: GenerationRequest, tracing: Bool = false, profile: String? = nil,
        observe: @escaping ProgressObserver = { _ in }, deliver: @escaping OutputReceiver
    ) throws -> (times: StageTimes, trace: [Trace.Entry]) {
        guard let pipeline else { throw EngineError.noModel }
        let trace = tracing ? Trace() : nil
        try device.resetPeakMemory()
        try team?.begin(request)
        var times: StageTimes
        do {
            times = try Profile.record(to: profile, on: device) {
                try pipeline.generate(request, observe: observe, trace: trace, deliver: deliver)
            }
        } catch {
            throw team?.end(error) ?? error
        }
        if let loss = team?.end(nil) { throw loss }
        times.deviceMemory = try device.memory()
        return (times, trace?.entries ?? [])
    }

    /// Makes what a request asks for, and keeps it.
    ///
    /// - Parameters:
    ///   - request: a request that the family has resolved
    ///   - tracing: whether intermediate results are kept
    ///   - observe: told of every stage and step
    /// - Returns: images or frames, sound, times and the trace
    /// - Throws: `CancellationError` between two steps, or an error of the pipeline
    package func generate(
        _ request: GenerationRequest, tracing: Bool = false, observe: @escaping ProgressObserver = { _ in }
    ) throws -> WorkerResult {
        let collector = OutputCollector()
        let (times, trace) = try generate(request, tracing: tracing, observe: observe, deliver: collector.add)
        return try WorkerResult(collector, times, trace: trace)
    }
}
