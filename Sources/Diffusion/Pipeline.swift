package import Layers

/// A model that is loaded and can be asked.
package protocol Pipeline {
    /// Makes what a request asks for.
    ///
    /// - Parameters:
    ///   - request: a request that the family has resolved
    ///   - observe: told of every stage and step
    ///   - trace: where intermediate results are recorded, or nil
    /// - Returns: the pictures and how long the stages took
    /// - Throws: `CancellationError`, ``TensorError``, or an error of the tokenizers
    func generate(_ request: GenerationRequest, observe: @escaping ProgressObserver, trace: Trace?) throws
        -> (pixels: PixelBatch, times: StageTimes)
}

/// A family of models: namespace of its types, and its entry in the catalog.
package protocol ModelFamily: SendableMetatype {
    /// Its name for people.
    static var name: String { get }
    /// The pipeline classes that `model_index.json` may name.
    static var pipelineClasses: [String] { get }
    /// The parameters it knows beyond those every family has.
    static var parameters: [ParameterSpec] { get }

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

    /// Loads every component.
    ///
    /// - Parameters:
    ///   - checkpoint: the model
    ///   - plan: how it computes
    ///   - observe: told of each component
    /// - Returns: the pipeline
    /// - Throws: any error of a bad checkpoint
    static func load(_ checkpoint: CheckpointFolder, plan: ExecutionPlan, observe: ProgressObserver) throws
        -> any Pipeline

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
