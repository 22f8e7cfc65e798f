package import Layers
package import Tensors

extension AttentionConfig {
    /// What the engine is asked for.
    ///
    /// - Parameter device: where it computes
    /// - Returns: nil for the exact kernel of the device
    package func plan(on device: Device) -> AttentionPlan? {
        // What the other names stand for here is the device's own kernel.
        let kernel: AttentionBackend? =
            switch backend {
            case .fa4: .parts
            case .cuDNN: .sdpa
            default: nil
            }
        let plan = AttentionPlan(kernel, quantization: quantization)
        return plan == AttentionPlan() ? nil : plan
    }

    /// How queries, keys and values are rounded, for the recipes of this build.
    var quantization: AttentionQuantization? {
        guard let recipe = quantAttentionConfig else { return nil }
        let codes: AttentionQuantization.Codes? =
            switch recipe.qkDtype {
            case .int8: .int8
            case .fp8: .fp8
            case .bf16: .unrounded
            case .mxfp8, .nvfp4: nil
            }
        guard let codes else { return nil }
        var plan = AttentionQuantization(
            codes, keyBlock: max(recipe.kBlockSize, 1), valueChannels: recipe.vBlockSize == 1)
        (plan.firstExactSteps, plan.lastExactSteps) = (exactSteps.first, exactSteps.last)
        plan.exactLayers = exactLayers
        return plan
    }
}
