package import Diffusion
package import Layers

/// One device with one model: in this process, or in a process of its own.
package protocol Worker: Sendable {
    /// Loads the model and runs what it is to be warmed up with; later calls answer at once, or as soon as a worker that
    /// died is replaced.
    ///
    /// - Parameter observe: told of each component
    /// - Returns: what the model offers
    /// - Throws: any error of a bad checkpoint, or ``EngineError``
    func start(observe: @escaping ProgressObserver) async throws -> ModelOffer

    /// Makes what a request asks for, after the requests that came before.
    ///
    /// - Parameters:
    ///   - request: a request that the family has resolved
    ///   - observe: told of every stage and step
    ///   - deliver: given every part of the output as it is decoded, one after another; the worker waits for it
    /// - Returns: how long the stages took, when the last part is delivered
    /// - Throws: `CancellationError` within one step of the task's cancellation, ``Failure``, ``EngineError``, or what
    ///   `deliver` throws
    func generate(
        _ request: GenerationRequest, observe: @escaping ProgressObserver, deliver: @escaping OutputReceiver
    ) async throws -> StageTimes

    /// Whether the model is loaded and its worker alive, so that a request would be served now or in its turn.
    func isReady() async -> Bool

    /// How often its process was replaced.
    var restarts: Int { get async }

    /// Ends the worker; what it is doing is lost.
    func close() async
}

extension Worker {
    /// None, where there is no process of its own.
    package var restarts: Int { get async { 0 } }

    /// Makes what a request asks for, and keeps it.
    ///
    /// - Parameters:
    ///   - request: a request that the family has resolved
    ///   - observe: told of every stage and step
    /// - Returns: images or frames, sound and times
    /// - Throws: `CancellationError` within one step of the task's cancellation, ``Failure`` or ``EngineError``
    package func generate(_ request: GenerationRequest, observe: @escaping ProgressObserver = { _ in }) async throws
        -> WorkerResult
    {
        let collector = OutputCollector()
        let times = try await generate(request, observe: observe, deliver: collector.add)
        return try WorkerResult(collector, times)
    }
}

/// What came out of one request.
package struct WorkerResult: Sendable {
    package let pixels: PixelBatch
    /// Of videos that have any.
    package let sound: SoundPart?
    package let times: StageTimes
    /// Intermediate results, if they were asked for; they do not leave their process.
    package let trace: [Trace.Entry]

    /// - Parameters:
    ///   - collector: what was made
    ///   - times: how long the stages took
    ///   - trace: intermediate results, if they were asked for
    /// - Throws: ``EngineError/noPixels``
    package init(_ collector: OutputCollector, _ times: StageTimes, trace: [Trace.Entry] = []) throws(EngineError) {
        guard let pixels = collector.pixels else { throw .noPixels }
        (self.pixels, sound, self.times, self.trace) = (pixels, collector.sound, times, trace)
    }
}

/// What a loaded model offers, and how long it took to be ready.
package struct ModelOffer: Sendable, Equatable, Codable {
    /// The family's name.
    package let family: String
    /// The model's own choices, without prompts.
    package let defaults: GenerationRequest
    /// The parameters that only this family has.
    package let parameters: [ParameterSpec]
    /// The model's own choices for images, where it makes them besides videos.
    package var imageDefaults: GenerationRequest?
    /// Seconds that loading took.
    package var loadSeconds = 0.0
    /// Seconds that running the warm-up sizes took.
    package var warmUpSeconds = 0.0
    /// The bytes of the GPU that the model may use; nil on a CPU.
    package var deviceMemory: Int?
    /// The kernels that ran meanwhile.
    package var kernels = KernelCounts()
    /// Warm-up sizes that this model cannot make, and why.
    package var skippedSizes: [String] = []

    package init(family: String, defaults: GenerationRequest, parameters: [ParameterSpec]) {
        (self.family, self.defaults, self.parameters) = (family, defaults, parameters)
    }
}
