package import Diffusion
package import Engine
internal import Foundation
internal import Layers
package import Tensors
package import VisualGen

/// The model that the server draws with.
package struct ServedModel: Sendable {
    /// What clients call it: the name that the user gave, without a path to it.
    package let name: String
    /// What loading it told.
    package let offer: ModelOffer
    /// Who computes.
    package let workers: WorkerPool
    /// Settles what clients ask for.
    package let admission: Admission
    /// What it takes beyond what every model takes.
    package let fields: ModelFields
    /// How it computes; told in the files' recipes.
    package private(set) var compute = ComputeSettings()
    /// The algorithms of its quantised layers.
    package private(set) var quantAlgorithms: [String] = []

    /// A model whose workers have started.
    ///
    /// - Parameters:
    ///   - name: what the user calls it
    ///   - offer: what starting the workers told
    ///   - workers: who computes
    ///   - configuration: how each was configured
    ///   - compute: how it computes
    ///   - checker: who is asked about requests and outputs; nil for nobody
    /// - Throws: any error of a bad checkpoint
    package init(
        _ name: String, _ offer: ModelOffer, workers: WorkerPool, _ configuration: WorkerConfiguration,
        _ compute: ComputeSettings = ComputeSettings(), checker: GuardrailSettings? = nil
    ) throws {
        let model = try configuration.open()
        var options = configuration.options
        options.memoryLimit = options.memoryLimit ?? offer.deviceMemory
        self.init(
            name, offer, workers: workers, try Admission(model, options, checker: checker),
            limitedEffects: model.limitedEffects)
        self.compute = compute
        // Where files lie on this machine is not for clients.
        self.compute.pipeline = [:]
        quantAlgorithms = try model.quantAlgorithms(options.plan).map(\.rawValue)
    }

    /// - Parameters:
    ///   - name: what the user calls it
    ///   - offer: what starting the workers told
    ///   - workers: who computes
    ///   - admission: settles what clients ask for
    ///   - limitedEffects: the fields that do not always change what is made
    package init(
        _ name: String, _ offer: ModelOffer, workers: WorkerPool, _ admission: Admission,
        limitedEffects: [String: FieldEffect] = [:]
    ) {
        self.name = name.hasPrefix("/") || name.hasPrefix(".") ? (name as NSString).lastPathComponent : name
        (self.offer, self.workers, self.admission) = (offer, workers, admission)
        fields = ModelFields(
            offer.defaults, admission.guardrail.choices(of: offer.parameters), limitedEffects: limitedEffects,
            resolve: admission.resolve)
    }

    /// The type of weights and activations, told in the files' recipes.
    package var dtype: DType { admission.options.plan.dtype }

    /// Whether it takes an image to begin with.
    package var takesImages: Bool { fields.firstImage != .refused }

    /// Whether it makes videos.
    package var makesVideos: Bool { offer.defaults.numFrames != nil }

    /// Its own choices for images; nil if it makes none.
    package var imageDefaults: GenerationRequest? { makesVideos ? offer.imageDefaults : offer.defaults }

    /// Whether it changes images: of a model of videos an image is where a video begins.
    package var editsImages: Bool { takesImages && !makesVideos }
}
