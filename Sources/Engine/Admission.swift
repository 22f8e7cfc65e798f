package import Diffusion
internal import Layers

/// Settles a request before anything is computed: the same for the command line, the library and the server.
///
/// What cannot be served is refused here, in the same words for all of them.
package struct Admission: Sendable {
    /// Fills in the model's own choices and checks every field.
    package typealias Resolve = @Sendable (GenerationRequest) throws -> GenerationRequest
    /// What a request brings along that changes nothing: the request as it came, and resolved.
    package typealias Notes = @Sendable (GenerationRequest, GenerationRequest) -> [RequestNote]
    /// What a resolved request will hold in memory; nil where that is not known.
    package typealias Forecast = @Sendable (GenerationRequest) throws -> MemoryForecast?

    /// How the model is opened.
    package let options: PipelineOptions
    /// What the model itself says of a request.
    package let resolve: Resolve
    /// Who is asked before a request is computed, and before what was made is kept.
    package let guardrail: Guardrail
    private let notes: Notes
    private let forecast: Forecast

    /// Checks the headers of a model's weights.
    ///
    /// - Parameters:
    ///   - model: the model
    ///   - options: how it is opened
    ///   - checker: who is asked about requests and outputs; nil for nobody
    /// - Throws: any error of a bad checkpoint
    package init(_ model: any ModelFamily, _ options: PipelineOptions, checker: GuardrailSettings? = nil) throws {
        let weights = try model.weights(options.plan)
        self.init(
            options, guardrail: Guardrail(checker, isParameter: type(of: model).hasGuardrail),
            resolve: { try model.resolve($0) }, notes: { model.notes(on: $0, resolved: $1) },
            forecast: {
                MemoryForecast(
                    weights: weights, stages: model.memoryStages(of: $0, options), on: options.plan.device)
            })
    }

    /// - Parameters:
    ///   - options: how the model is opened
    ///   - guardrail: who is asked about requests and outputs
    ///   - resolve: fills in the model's own choices and checks every field
    ///   - notes: what a request brings along that changes nothing
    ///   - forecast: what a resolved request will hold in memory
    package init(
        _ options: PipelineOptions, guardrail: Guardrail = Guardrail(), resolve: @escaping Resolve,
        notes: @escaping Notes = { _, _ in [] }, forecast: @escaping Forecast = { _ in nil }
    ) {
        (self.options, self.guardrail) = (options, guardrail)
        (self.resolve, self.notes, self.forecast) = (resolve, notes, forecast)
    }

    /// Fills in what the user leaves open, a seed too, and refuses what cannot be served.
    ///
    /// - Parameters:
    ///   - asked: what the user asks for
    ///   - check: further limits, told of the resolved request before its memory is looked at
    /// - Returns: the request as a pipeline takes it, and what is to be told of it
    /// - Throws: `InvalidRequest`, or what `check` throws
    package func admit(_ asked: GenerationRequest, check: (GenerationRequest) throws -> Void = { _ in }) throws
        -> AdmittedRequest
    {
        var request = try guardrail.settled(resolve(asked))
        try check(request)
        try options.stepCache?.check(request)
        let forecast = try require(request)
        if request.seeds.isEmpty { request.seeds = [Self.drawnSeed()] }
        return AdmittedRequest(
            request: request, notes: notes(asked, request) + guardrail.notes(on: asked, settled: request),
            forecast: forecast)
    }

    /// Whether there is memory enough for a request.
    ///
    /// - Parameter request: resolved
    /// - Returns: true also where that is not known
    package func fits(_ request: GenerationRequest) -> Bool {
        do {
            _ = try require(request)
            return true
        } catch {
            return false
        }
    }

    private func require(_ request: GenerationRequest) throws -> MemoryForecast? {
        let forecast = try forecast(request)
        try forecast?.require(options.memoryLimit)
        return forecast
    }

    /// A seed of no more bits than JavaScript's numbers hold, so that every client can ask for the same again.
    private static func drawnSeed() -> UInt64 { .random(in: 0..<1 << 53) }
}

/// A request that can be served.
package struct AdmittedRequest: Sendable {
    /// Resolved, with a seed.
    package let request: GenerationRequest
    /// What of it changes nothing.
    package let notes: [RequestNote]
    /// What it will hold in memory; nil where that is not known.
    package let forecast: MemoryForecast?
}
