package import Diffusion
package import Engine
internal import Foundation
package import Tensors
package import VisualGen

/// The model that the server draws with, and who computes.
package struct ServedModel: Sendable {
    /// What clients call it: the name that the user gave, without a path to it.
    package let name: String
    /// What loading it told.
    package let offer: ModelOffer
    package let worker: any Worker
    /// Fills in the model's own choices and checks every field.
    package let resolve: @Sendable (GenerationRequest) throws -> GenerationRequest
    /// What a request brings along that changes nothing: the request as it came, and resolved.
    package let notes: @Sendable (GenerationRequest, GenerationRequest) -> [RequestNote]
    /// What a resolved request will hold in memory; nil where that is not known.
    package let memory: @Sendable (GenerationRequest) throws -> MemoryForecast?
    /// The bytes that the worker may hold; nil for as many as it may have of the machine.
    package let memoryLimit: Int?
    /// Told in the files' recipes.
    package let dtype: DType
    /// What it takes beyond what every model takes.
    package let fields: ModelFields
    /// Told in the files' recipes.
    package private(set) var cache: CacheConfig?

    /// A model whose worker has started.
    ///
    /// - Parameters:
    ///   - name: what the user calls it
    ///   - offer: what starting the worker told
    ///   - worker: who computes
    ///   - configuration: how the worker was configured
    ///   - cache: the step cache that it was configured with
    /// - Throws: any error of a bad checkpoint
    package init(
        _ name: String, _ offer: ModelOffer, worker: any Worker, _ configuration: WorkerConfiguration,
        cache: CacheConfig? = nil
    ) throws {
        let model = try configuration.open()
        let plan = configuration.plan
        let weights = try model.weights(plan)
        self.init(
            name, offer, worker: worker, dtype: configuration.dtype,
            memoryLimit: configuration.memoryLimit ?? offer.deviceMemory, limitedEffects: model.limitedEffects,
            resolve: { try model.resolve($0) },
            notes: { model.notes(on: $0, resolved: $1) },
            memory: { MemoryForecast(weights: weights, stages: model.stages(of: $0, plan)) })
        self.cache = cache
    }

    /// - Parameters:
    ///   - name: what the user calls it
    ///   - offer: what starting the worker told
    ///   - worker: who computes
    ///   - dtype: the type of weights and activations
    ///   - memoryLimit: the bytes that the worker may hold; nil for as many as it may have of the machine
    ///   - limitedEffects: the fields that do not always change what is made
    ///   - resolve: fills in the model's own choices and checks every field
    ///   - notes: what a request brings along that changes nothing
    ///   - memory: what a resolved request will hold in memory; nil where that is not known
    package init(
        _ name: String, _ offer: ModelOffer, worker: any Worker, dtype: DType, memoryLimit: Int? = nil,
        limitedEffects: [String: FieldEffect] = [:],
        resolve: @escaping @Sendable (GenerationRequest) throws -> GenerationRequest,
        notes: @escaping @Sendable (GenerationRequest, GenerationRequest) -> [RequestNote] = { _, _ in [] },
        memory: @escaping @Sendable (GenerationRequest) throws -> MemoryForecast?
    ) {
        self.name = name.hasPrefix("/") || name.hasPrefix(".") ? (name as NSString).lastPathComponent : name
        (self.offer, self.worker, self.dtype, self.memoryLimit) = (offer, worker, dtype, memoryLimit)
        (self.resolve, self.notes, self.memory) = (resolve, notes, memory)
        fields = ModelFields(offer.defaults, offer.parameters, limitedEffects: limitedEffects, resolve: resolve)
    }

    /// Whether it takes a picture to begin with.
    package var takesPictures: Bool { fields.firstImage != .refused }

    /// Whether it makes videos rather than pictures.
    package var makesVideos: Bool { offer.defaults.numFrames != nil }

    /// Refuses a request that needs more memory than there is.
    ///
    /// - Parameter request: resolved
    /// - Throws: `InvalidRequest`, or any error of a bad checkpoint
    package func requireMemory(for request: GenerationRequest) throws {
        try memory(request)?.require(memoryLimit)
    }
}
