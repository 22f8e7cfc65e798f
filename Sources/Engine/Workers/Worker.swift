package import Diffusion

/// One device with one model: in this process, or in a process of its own.
package protocol Worker: Sendable {
    /// Loads the model and runs what it is to be warmed up with; later calls answer at once.
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
    /// - Returns: images and times
    /// - Throws: `CancellationError` within one step of the task's cancellation, ``Failure`` or ``EngineError``
    func generate(_ request: GenerationRequest, observe: @escaping ProgressObserver) async throws -> WorkerResult

    /// Whether the model is loaded and its worker alive, so that a request would be served now or in its turn.
    func isReady() async -> Bool

    /// Ends the worker; what it is doing is lost.
    func close() async
}

/// What came out of one request.
package struct WorkerResult: Sendable {
    package let pixels: PixelBatch
    package let times: StageTimes
    /// Intermediate results, if they were asked for; they do not leave their process.
    package let trace: [Trace.Entry]

    /// - Parameters:
    ///   - pixels: what was made
    ///   - times: how long the stages took
    ///   - trace: intermediate results, if they were asked for
    package init(pixels: PixelBatch, times: StageTimes, trace: [Trace.Entry] = []) {
        (self.pixels, self.times, self.trace) = (pixels, times, trace)
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
    /// Seconds that loading took.
    package var loadSeconds = 0.0
    /// Seconds that running the warm-up sizes took.
    package var warmUpSeconds = 0.0
    /// The bytes of the GPU that the model may use; nil on a CPU.
    package var deviceMemory: Int?
    /// Warm-up sizes that this model cannot make, and why.
    package var skippedSizes: [String] = []

    package init(family: String, defaults: GenerationRequest, parameters: [ParameterSpec]) {
        (self.family, self.defaults, self.parameters) = (family, defaults, parameters)
    }
}
