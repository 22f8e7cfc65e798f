internal import Tensors

/// The steps of UniPC for one request.
struct UniPCRun: SchedulerRun {
    private let solver: UniPCSolver
    private var index: Int
    /// What the model's predictions say of the image, or of the noise; the newest last, as many as the order needs.
    private var outputs: [Tensor] = []
    /// The sample that the last step started from, and the order it was taken with.
    private var last: (sample: Tensor, order: Int)?

    init(_ solver: UniPCSolver, at index: Int) { (self.solver, self.index) = (solver, index) }

    mutating func step(_ sample: Tensor, prediction: Tensor, noise: () throws -> Tensor) throws -> Tensor {
        let config = solver.config
        var sample = try sample.to(.float32)
        let output = try output(prediction.to(.float32), sample)
        if let last, !config.disableCorrector.contains(index - 1) {
            let weights = try solver.weights(from: index - 1, order: last.order, .corrector)
            let start = outputs[outputs.count - 1]
            sample = try moved(last.sample, weights, end: (output - start) * Double(weights.end))
        }
        let order = solver.order(at: index, after: outputs.count)
        outputs = outputs.suffix(config.solverOrder - 1) + [output]
        last = (sample, order)
        let next = try moved(sample, solver.weights(from: index, order: order, .predictor), end: nil)
        index += 1
        return next
    }

    private var schedule: NoiseSchedule { solver.schedule }

    /// What a prediction says of the image, or of the noise where the config asks for that.
    private func output(_ prediction: Tensor, _ sample: Tensor) throws(TensorError) -> Tensor {
        guard !solver.config.predictX0 else { return try denoised(sample, prediction: prediction) }
        let (signal, noise) = shares
        return switch solver.config.predictionType {
        case .flow: try denoised(sample, prediction: prediction)
        case .epsilon: prediction
        case .sample: try (sample - prediction * signal) / noise
        case .velocity: try prediction * signal + sample * noise
        }
    }

    func denoised(_ sample: Tensor, prediction: Tensor) throws(TensorError) -> Tensor {
        let (signal, noise) = shares
        return switch solver.config.predictionType {
        case .epsilon: try (sample - prediction * noise) / signal
        case .velocity: try sample * signal - prediction * noise
        case .flow: try sample - prediction * Double(schedule.sigmas[index])
        case .sample: prediction
        }
    }

    /// Of the clean latents and of the noise in the next step's sample.
    private var shares: (signal: Double, noise: Double) {
        let shares = solver.shares(index)
        return (Double(shares.signal), Double(shares.noise))
    }

    /// The sample at a step's end.
    private func moved(_ sample: Tensor, _ weights: UniPCSolver.Weights, end: Tensor?) throws(TensorError) -> Tensor {
        let newest = outputs.count - 1
        let straight = try sample * Double(weights.sample) - outputs[newest] * Double(weights.output)
        var changes: [Tensor] = []
        for (back, weight) in weights.history.enumerated() {
            let difference = try (outputs[newest - back - 1] - outputs[newest]) / Double(weights.distances[back])
            changes.append(try difference * Double(weight))
        }
        if let end { changes.append(end) }
        guard var sum = changes.first else { return straight }
        for change in changes.dropFirst() { sum = try sum + change }
        return try straight - sum * Double(weights.changes)
    }
}
