package import Layers
package import Parallel

/// A family of models: namespace of its types, and its entry in the catalog.
///
/// An instance is one model of the family, whose configs are read.
package protocol ModelFamily: Sendable {
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
    /// Those of the settings that name a path or something of the hub, and what that is.
    static var pipelineSources: [String: PipelineSource] { get }

    /// Reads a model's configs.
    ///
    /// - Parameter checkpoint: the model
    /// - Throws: ``CheckpointError`` or ``ConfigError``
    init(_ checkpoint: CheckpointFolder) throws

    /// Where the model was read from.
    var checkpoint: CheckpointFolder { get }

    /// The model's own choices: a request without prompts, in which every field that the family has is set, and no other.
    var defaults: GenerationRequest { get }

    /// The same for images, where the model makes them besides videos: requests for one frame. Nil unless the family says so.
    var imageDefaults: GenerationRequest? { get }

    /// The sizes that the model is run with once before its first request; the default one unless the family says so.
    var warmUpSizes: [OutputSize] { get }

    /// The components with weights, in the order they run.
    var components: [any InspectableComponent] { get }

    /// The fields that do not always change what this model makes, by name; none unless the family says so.
    var limitedEffects: [String: FieldEffect] { get }

    /// What a step cache must know of the transformers: one for each, in the order of the steps.
    var stepCacheTraits: [StepCacheTraits] { get }

    /// Fills in the model's own choices and checks every field.
    ///
    /// - Parameter request: what the user asks for
    /// - Returns: a request without nils that matter
    /// - Throws: ``InvalidRequest`` with every problem
    func resolve(_ request: GenerationRequest) throws(InvalidRequest) -> GenerationRequest

    /// What a request brings along that changes nothing; nothing unless the family says so.
    ///
    /// - Parameters:
    ///   - request: what the user asks for
    ///   - resolved: what the family made of it
    /// - Returns: a note for each field that is given, is not the model's own choice, and is not read
    func notes(on request: GenerationRequest, resolved: GenerationRequest) -> [RequestNote]

    /// What a request holds in memory besides weights, for configs that ``weights(_:)`` bears out.
    ///
    /// - Parameters:
    ///   - request: a request that the family has resolved
    ///   - options: how the model is opened
    /// - Returns: its stages, in the order they run
    func memoryStages(of request: GenerationRequest, _ options: PipelineOptions) -> [MemoryStage]

    /// Reads what every request needs besides weights: tokenizers and scheduler.
    ///
    /// - Parameter context: what the components compute with
    /// - Returns: what is done in each stage of a request
    /// - Throws: any error of a bad checkpoint
    func open(_ context: ComputeContext) throws -> any PipelineStages

    /// One prediction of the denoiser at its published width, with random weights; refused unless the family says more.
    ///
    /// - Parameters:
    ///   - shape: the size of its input, and changes of its config
    ///   - options: what of the steps is left out
    ///   - context: what it computes with
    /// - Returns: what to time
    /// - Throws: ``RequestError``, ``ConfigFault`` or ``TensorError``
    static func transformerBenchmark(
        _ shape: BenchmarkShape, _ options: PipelineOptions, _ context: ComputeContext
    ) throws -> Benchmark

    /// From latents to pixels at the published width, with random weights; refused unless the family says more.
    ///
    /// - Parameters:
    ///   - shape: the size of the output, and changes of the config
    ///   - context: how it computes, and with which ranks
    /// - Returns: what to time
    /// - Throws: ``RequestError``, ``ConfigFault`` or ``TensorError``
    static func decoderBenchmark(_ shape: BenchmarkShape, _ context: ComputeContext) throws -> Benchmark
}

extension ModelFamily {
    package static var pipelineConfig: [String: ParameterValue] { [:] }
    package static var pipelineSources: [String: PipelineSource] { [:] }

    /// Whether the reference asks a guardrail about what this family is asked for and makes.
    package static var hasGuardrail: Bool { parameters.contains { $0.name == ParameterSpec.useGuardrails.name } }

    package static func transformerBenchmark(
        _ shape: BenchmarkShape, _ options: PipelineOptions, _ context: ComputeContext
    ) throws -> Benchmark {
        throw RequestError.value("part", found: "transformer", expected: "one that \(name) has a benchmark of")
    }

    package static func decoderBenchmark(_ shape: BenchmarkShape, _ context: ComputeContext) throws -> Benchmark {
        throw RequestError.value("part", found: "decoder", expected: "one that \(name) has a benchmark of")
    }

    package func notes(on request: GenerationRequest, resolved: GenerationRequest) -> [RequestNote] { [] }
    package var limitedEffects: [String: FieldEffect] { [:] }
    package var imageDefaults: GenerationRequest? { nil }

    package var warmUpSizes: [OutputSize] {
        let defaults = defaults
        guard let height = defaults.height, let width = defaults.width else { return [] }
        return [OutputSize(height: height, width: width, frames: defaults.numFrames)]
    }

    /// What the checkpoint and the parameters choose, in a family's defaults.
    ///
    /// - Parameter published: the choices of the published models, with every field that the family has
    /// - Returns: the model's own choices
    package func withOwnChoices(_ published: GenerationRequest) -> GenerationRequest {
        var choices = checkpoint.defaults.replacing(published)
        for parameter in Self.parameters { choices.extra[parameter.name] = parameter.defaultValue }
        return choices
    }

    /// The step caches of the model's transformers.
    ///
    /// - Parameter settings: what is used again, and when; nil for nothing
    /// - Returns: one for each transformer, or none
    /// - Throws: ``StepCacheError`` for settings that this model cannot honour
    package func stepCaches(_ settings: StepCacheSettings?) throws(StepCacheError) -> [StepCacheSettings] {
        try settings?.resolved(for: stepCacheTraits, of: Self.name) ?? []
    }

    /// Opens the model.
    ///
    /// - Parameters:
    ///   - options: how it is opened
    ///   - ranks: this rank among those that share the work; nil for one alone
    /// - Returns: the pipeline
    /// - Throws: any error of a bad checkpoint
    package func load(_ options: PipelineOptions, _ ranks: Ranks? = nil) throws -> Pipeline {
        try Pipeline(self, options, ranks)
    }

    /// The weights of every component in the type that it computes in, after a check of the files' headers.
    ///
    /// - Parameter plan: how the model computes
    /// - Returns: bytes by the component's name
    /// - Throws: ``SafetensorsError``, ``WeightError`` or ``TensorError``
    package func weights(_ plan: ComputePlan) throws -> [String: WeightMemory] {
        try check(plan.loras)
        return try MemoryForecast.weights(of: components, plan)
    }

    /// The algorithms of the transformers' quantised layers.
    ///
    /// - Parameter plan: how the model computes
    /// - Returns: each once
    /// - Throws: any error of bad weights
    package func quantAlgorithms(_ plan: ComputePlan) throws -> [QuantAlgorithm] {
        let found = try transformers.flatMap { try $0.checkedQuantization(plan).counts.keys }
        return QuantAlgorithm.allCases.filter(found.contains)
    }

    /// The patterns of layers that stay as they are which no layer of a transformer has.
    ///
    /// - Parameter quantization: how the layers are quantised
    /// - Returns: none if every pattern means a layer
    /// - Throws: any error of bad weights
    package func idlePatterns(_ quantization: QuantizationPlan) throws -> [String] {
        let plan = ComputePlan(quantization: quantization)
        return try quantization.idlePatterns(transformers.map { try $0.checkedQuantization(plan) })
    }

    /// The patterns of attentions that stay exact which no attention of a transformer has.
    ///
    /// - Parameter quantization: how attention is quantised
    /// - Returns: none if every pattern means an attention
    /// - Throws: any error of bad weights
    package func idlePatterns(_ quantization: AttentionQuantization) throws -> [String] {
        let names = try attentions().map(\.name)
        return quantization.exactLayers.filter { pattern in
            !names.contains { QuantizationPlan.matches(pattern, $0) }
        }
    }

    /// The attentions of the transformers.
    ///
    /// - Returns: each, as its block states it
    /// - Throws: any error of bad weights
    package func attentions() throws -> [AttentionSite] {
        try transformers.flatMap { component in
            try component.listing(of: Set(CheckpointWeights(component.place).keys)).attentions
        }
    }

    private var transformers: [any InspectableComponent] { components.filter { $0.role == .transformer } }

    /// What a request will hold in memory.
    ///
    /// - Parameters:
    ///   - request: a request that the family has resolved
    ///   - options: how the model is opened
    /// - Returns: the forecast
    /// - Throws: any error of bad weights
    package func memory(of request: GenerationRequest, _ options: PipelineOptions) throws -> MemoryForecast {
        memory(of: request, options, weights: try weights(options.plan))
    }

    /// What a request will hold in memory.
    ///
    /// - Parameters:
    ///   - request: a request that the family has resolved
    ///   - options: how the model is opened
    ///   - weights: those of every component, as ``weights(_:)`` tells them
    /// - Returns: the forecast
    package func memory(
        of request: GenerationRequest, _ options: PipelineOptions, weights: [String: WeightMemory]
    ) -> MemoryForecast {
        MemoryForecast(
            weights: weights, stages: memoryStages(of: request, options), on: options.plan.device,
            offload: options.plan.offload)
    }
}
