internal import Layers

extension QuantConfig {
    /// What the engine is asked for; nil is what the checkpoint says.
    var plan: QuantizationPlan? {
        guard let algorithm = quantAlgo.flatMap({ QuantAlgorithm(rawValue: $0.rawValue) }) else { return nil }
        var plan = QuantizationPlan(algorithm, ignoring: ignore)
        (plan.quantizesWeights, plan.scalesInputs) = (quantizesWeightsAtLoad, scalesActivationsAtRun)
        return plan
    }
}
