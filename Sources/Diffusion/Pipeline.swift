package import Layers

/// A model that is open and can be asked; weights come into memory when they are first needed.
package protocol Pipeline {
    /// Reads the weights that requests of the default size leave in memory, so that the first request need not.
    ///
    /// - Parameter observe: told of each component
    /// - Throws: `CancellationError` between two components, or an error of their files
    func prepare(observe: ProgressObserver) throws

    /// Makes what a request asks for.
    ///
    /// - Parameters:
    ///   - request: a request that the family has resolved
    ///   - observe: told of every stage and step
    ///   - trace: where intermediate results are recorded, or nil
    ///   - deliver: given the pictures, or the frames as they come
    /// - Returns: how long the stages took
    /// - Throws: ``InvalidRequest`` before anything is done if the memory does not suffice, `CancellationError`,
    ///   ``TensorError``, an error of the tokenizers or of the weights' files, or what `deliver` throws
    func generate(
        _ request: GenerationRequest, observe: @escaping ProgressObserver, trace: Trace?, deliver: PixelReceiver
    ) throws -> StageTimes
}

/// A family of models: namespace of its types, and its entry in the catalog.
package protocol ModelFamily: SendableMetatype {
    /// Its name for people.
    static var name: String { get }
    /// The pipeline classes of `model_index.json` that it runs.
    static var pipelineClasses: [String] { get }
    /// The published checkpoints, as the hub names them.
    static var modelIDs: [String] { get }
    /// The parameters it knows beyond those every family has.
    static var parameters: [ParameterSpec] { get }
    /// Settings of the whole model that only this family has, by key, with their defaults; none unless it says so.
    static var pipelineConfig: [String: ParameterValue] { get }

    /// The model's own choices.
    ///
    /// - Parameter checkpoint: the model
    /// - Returns: a request without prompts, in which every field that the family has is set, and no other
    /// - Throws: ``CheckpointError`` or ``ConfigError``
    static func defaults(for checkpoint: CheckpointFolder) throws -> GenerationRequest

    /// The sizes that a model is run with once before its first request; the default one unless the family says so.
    ///
    /// - Parameter checkpoint: the model
    /// - Returns: the sizes
    /// - Throws: ``CheckpointError`` or ``ConfigError``
    static func warmUpSizes(for checkpoint: CheckpointFolder) throws -> [OutputSize]

    /// Fills in the model's own choices and checks every field.
    ///
    /// - Parameters:
    ///   - request: what the user asks for
    ///   - checkpoint: the model asked
    /// - Returns: a request without nils that matter
    /// - Throws: ``InvalidRequest`` with every problem, ``CheckpointError`` or ``ConfigError``
    static func resolve(_ request: GenerationRequest, for checkpoint: CheckpointFolder) throws -> GenerationRequest

    /// The components with weights.
    ///
    /// - Parameter checkpoint: the model
    /// - Returns: in the order they run
    /// - Throws: ``CheckpointError`` or ``ConfigError``
    static func components(of checkpoint: CheckpointFolder) throws -> [any InspectableComponent]

    /// What a step cache must know of the transformers.
    ///
    /// - Parameter checkpoint: the model
    /// - Returns: one for each, in the order of the steps
    /// - Throws: ``CheckpointError`` or ``ConfigError``
    static func stepCacheTraits(of checkpoint: CheckpointFolder) throws -> [StepCacheTraits]

    /// What a request will hold in memory.
    ///
    /// - Parameters:
    ///   - request: a request that the family has resolved
    ///   - checkpoint: the model
    ///   - plan: how it computes
    /// - Returns: the forecast
    /// - Throws: any error of a bad checkpoint
    static func memory(of request: GenerationRequest, for checkpoint: CheckpointFolder, plan: ExecutionPlan) throws
        -> MemoryForecast

    /// Opens a model: its configs, tokenizers and scheduler are read, the headers of its weights checked.
    ///
    /// - Parameters:
    ///   - checkpoint: the model
    ///   - plan: how it computes
    ///   - memoryLimit: the bytes that the process may hold; nil for as many as the machine has
    /// - Returns: the pipeline
    /// - Throws: any error of a bad checkpoint
    static func load(_ checkpoint: CheckpointFolder, plan: ExecutionPlan, memoryLimit: Int?) throws -> any Pipeline

    /// A part of the model at its published width, with random weights.
    ///
    /// - Parameters:
    ///   - part: which part
    ///   - shape: the size of its input, and changes of its config
    ///   - plan: how it computes
    /// - Returns: what to time
    /// - Throws: ``RequestError``, ``ConfigFault`` or ``TensorError``
    static func benchmark(_ part: BenchmarkPart, _ shape: BenchmarkShape, plan: ExecutionPlan) throws -> Benchmark
}

extension ModelFamily {
    /// The step caches of a model's transformers.
    ///
    /// - Parameters:
    ///   - settings: what is used again, and when; nil for nothing
    ///   - checkpoint: the model
    /// - Returns: one for each transformer, or none
    /// - Throws: ``StepCacheError`` for settings that this model cannot honour, ``CheckpointError`` or ``ConfigError``
    package static func stepCaches(_ settings: StepCacheSettings?, for checkpoint: CheckpointFolder) throws
        -> [StepCacheSettings]
    {
        try settings?.resolved(for: stepCacheTraits(of: checkpoint), of: name) ?? []
    }

    package static var pipelineConfig: [String: ParameterValue] { [:] }

    package static func warmUpSizes(for checkpoint: CheckpointFolder) throws -> [OutputSize] {
        let defaults = try defaults(for: checkpoint)
        guard let height = defaults.height, let width = defaults.width else { return [] }
        return [OutputSize(height: height, width: width, frames: defaults.numFrames)]
    }
}
