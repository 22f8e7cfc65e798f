package import Diffusion
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

extension VisualGenArgs {
    /// What of a configuration has no effect on a model.
    ///
    /// - Parameter model: the model
    /// - Returns: a sentence for each
    /// - Throws: any error of a bad checkpoint
    package func notes(on model: any ModelFamily) throws -> [String] {
        guard let plan = quantConfig.plan else { return [] }
        return try model.idlePatterns(plan).map { "quant_config.ignore has \($0), which is no layer's name" }
    }
}
