package import Diffusion
internal import Layers
internal import Tensors

/// A worker in this process.
package actor InProcessWorker: Worker {
    private let configuration: WorkerConfiguration
    private let open: @Sendable (WorkerConfiguration) throws -> any ModelFamily
    private let worker: LocalWorker
    private var starting: Task<ModelOffer, any Error>?
    private var isLoaded = false

    /// - Parameters:
    ///   - configuration: which model, and how
    ///   - team: the other ranks that work on the model, if there are any
    ///   - open: reads the model's configs, where its family is not of the catalog
    /// - Throws: ``EngineError/deviceMissing(_:reason:)``
    package init(
        _ configuration: WorkerConfiguration, team: RankTeam? = nil,
        open: @escaping @Sendable (WorkerConfiguration) throws -> any ModelFamily = { try $0.open() }
    ) throws(EngineError) {
        let configuration = team?.own ?? configuration
        let device = configuration.options.plan.device
        try EngineError.require(device)
        (self.configuration, self.open) = (configuration, open)
        worker = LocalWorker(device: device, threads: configuration.threads, team: team)
    }

    package func start(observe: @escaping ProgressObserver) async throws -> ModelOffer {
        if let starting { return try await starting.value }
        let task = Task { try await load(observe) }
        starting = task
        return try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    }

    package func generate(
        _ request: GenerationRequest, observe: @escaping ProgressObserver, deliver: @escaping OutputReceiver
    ) async throws -> StageTimes {
        try await worker.generate(request, observe: observe, deliver: deliver).times
    }

    package func isReady() -> Bool { isLoaded }

    package func close() { starting?.cancel() }

    private func load(_ observe: @escaping ProgressObserver) async throws -> ModelOffer {
        let model = try open(configuration)
        let family = type(of: model)
        var offer = ModelOffer(family: family.name, defaults: model.defaults, parameters: family.parameters)
        offer.imageDefaults = model.imageDefaults
        let start = ContinuousClock.now
        try await worker.load(model, configuration.options, observe: observe)
        offer.deviceMemory = try await worker.deviceMemory()
        let loaded = ContinuousClock.now
        offer.loadSeconds = (loaded - start).seconds
        for size in sizes(of: model) {
            do {
                let times = try await worker.generate(Self.warmUp(size, model), deliver: { _ in }).times
                offer.kernels.add(times.kernels)
            } catch let problem as InvalidRequest {
                offer.skippedSizes.append("\(size): \(problem)")
            }
        }
        offer.warmUpSeconds = (ContinuousClock.now - loaded).seconds
        isLoaded = true
        return offer
    }

    private func sizes(of model: any ModelFamily) -> [OutputSize] {
        switch configuration.warmUp {
        case .none: []
        case .sizes(let sizes): sizes
        case .defaults:
            // Nothing is compiled for a size on a CPU: weights are read and threads begin at any size.
            configuration.options.plan.device == .cpu
                ? model.warmUpSizes.prefix(1).map(\.shrunk) : model.warmUpSizes
        }
    }

    /// A request of a size, with images where the model cannot do without.
    private static func warmUp(_ size: OutputSize, _ model: any ModelFamily) throws(InvalidRequest)
        -> GenerationRequest
    {
        var request = GenerationRequest(prompts: ["an image"])
        (request.height, request.width, request.numFrames) = (size.height, size.width, size.frames)
        (request.numInferenceSteps, request.seeds) = (2, [0])
        do {
            return try model.resolve(request)
        } catch {
            let pixels = PixelBatch(count: 1, height: 16, width: 16, bytes: .init(repeating: 128, count: 16 * 16 * 3))
            let image = RequestImage(name: "grey", pixels: pixels)
            if error.problems.contains(.missing("image")) { request.images = [image] }
            if error.problems.contains(.missing("last_image")) { request.lastImage = image }
            return try model.resolve(request)
        }
    }
}

extension OutputSize {
    /// The same shape, smaller: its shorter side has 64 to 127 pixels.
    fileprivate var shrunk: OutputSize {
        var divisor = 1
        while min(height, width) / (2 * divisor) >= 64 { divisor *= 2 }
        return OutputSize(height: height / divisor, width: width / divisor, frames: frames.map { min($0, 5) })
    }
}
