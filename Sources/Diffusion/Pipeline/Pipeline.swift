internal import Layers
package import Parallel

/// A model that is open and can be asked; weights come into memory when they are first needed.
package final class Pipeline {
    private let model: any ModelFamily
    private let options: PipelineOptions
    private let context: ComputeContext
    private let stages: any PipelineStages
    private let residency: Residency
    private let weights: [String: WeightMemory]
    private let stepCaches: [StepCacheSettings]

    /// Opens a model: its tokenizers and scheduler are read, the headers of its weights checked.
    ///
    /// - Parameters:
    ///   - model: the model
    ///   - options: how it is opened
    ///   - ranks: this rank among those that share the work; nil for one alone
    /// - Throws: any error of a bad checkpoint
    package init(_ model: any ModelFamily, _ options: PipelineOptions, _ ranks: Ranks? = nil) throws {
        (self.model, self.options, context) = (model, options, ComputeContext(options.plan, ranks))
        stages = try model.open(context)
        weights = try model.weights(options.plan)
        stepCaches = try model.stepCaches(options.stepCache)
        residency = Residency(stages.components, limit: options.memoryLimit, context)
    }

    /// Reads the weights that requests of the default size leave in memory, so that the first request need not.
    ///
    /// - Parameter observe: told of each component
    /// - Throws: `CancellationError` between two components, or an error of their files
    package func prepare(observe: ProgressObserver) throws {
        let forecast = model.memory(of: model.defaults, options, weights: weights)
        try residency.prepare(for: forecast, observe: observe)
    }

    /// Begins a request; nothing is computed yet.
    ///
    /// - Parameters:
    ///   - request: a request that the family has resolved
    ///   - observe: told of every stage and step
    ///   - trace: where intermediate results are recorded, or nil
    ///   - deliver: given every part of the output as it is decoded
    /// - Returns: the request on its way
    /// - Throws: ``InvalidRequest`` if it cannot be served
    package func open(
        _ request: GenerationRequest, observe: @escaping ProgressObserver, trace: Trace?,
        deliver: @escaping OutputReceiver
    ) throws -> PipelineRun {
        let run = RunEnvironment(
            context, options, stepCaches: stepCaches, observe: observe, trace: trace, deliver: deliver)
        let stages = try stages.stages(of: request, run).filter { context.decodes || !$0.decodes }
        let forecast = MemoryForecast(
            weights: weights, stages: stages.map(\.memory), on: options.plan.device, offload: options.plan.offload)
        try residency.require(forecast)
        try options.stepCache?.check(request)
        return PipelineRun(stages, context, residency, forecast, observe: observe)
    }

    /// Makes what a request asks for.
    ///
    /// - Parameters:
    ///   - request: a request that the family has resolved
    ///   - observe: told of every stage and step
    ///   - trace: where intermediate results are recorded, or nil
    ///   - deliver: given every part of the output as it is decoded
    /// - Returns: how long the stages took
    /// - Throws: ``InvalidRequest`` before anything is done, `CancellationError`, ``TensorError``, an error of the tokenizers
    ///   or of the weights' files, or what `deliver` throws
    package func generate(
        _ request: GenerationRequest, observe: @escaping ProgressObserver, trace: Trace?,
        deliver: @escaping OutputReceiver
    ) throws -> StageTimes {
        let run = try open(request, observe: observe, trace: trace, deliver: deliver)
        try run.finish()
        return run.times
    }
}

/// The components of a model that is open, and what a family does with them in each stage of a request.
package protocol PipelineStages {
    /// Every component with weights, the first to leave memory first: those that run once in a request before those that
    /// run in every step.
    var components: [any ResidentComponent] { get }

    /// What is done for a request, in order; nothing is computed before it is asked for.
    ///
    /// - Parameters:
    ///   - request: a request that the family has resolved
    ///   - run: what the stages are given besides it
    /// - Returns: the stages, whose memory ``ModelFamily/memoryStages(of:_:)`` tells too
    /// - Throws: ``InvalidRequest`` if it cannot be served
    func stages(of request: GenerationRequest, _ run: RunEnvironment) throws -> [RunStage]
}
