internal import Tensors

/// An exact kernel by the name that a plan gives it.
package enum AttentionBackend: String, Sendable, Codable, CaseIterable {
    /// This project's kernel for CPUs, which keeps no matrix of scores.
    case tiled
    /// This project's kernel for Hopper where it applies, and LibTorch's scaled dot-product attention elsewhere.
    case hopper
    /// LibTorch's scaled dot-product attention.
    case sdpa
    /// The kernels that tell log Σ exp(score) too: those of this project, and those of LibTorch's that can.
    case parts
}

extension ComputePlan {
    /// The kernel of an attention.
    ///
    /// - Parameters:
    ///   - site: what the block needs
    ///   - context: what knows the step, and counts which kernels the transformers ran
    /// - Returns: the kernel that the plan names, or the exact one of the device
    func attentionKernel(_ site: AttentionSite, _ context: ComputeContext) -> any AttentionKernel {
        let counter = site.component == .transformer ? context : nil
        let exact: any AttentionKernel =
            switch attention?.backend ?? (device == .cpu ? .tiled : .hopper) {
            case .tiled: TiledAttention(counter: counter)
            case .hopper: ScaledDotProductAttention(counter: counter, byLibTorch: false)
            case .sdpa: ScaledDotProductAttention(counter: counter, byLibTorch: true)
            case .parts:
                if device == .cpu { TiledAttention(counter: counter) } else { PartAttention(counter: counter) }
            }
        guard let recipe = attention?.quantization, recipe.includes(site) else { return exact }
        return QuantizedAttention(recipe, exact: exact, context)
    }
}

private struct TiledAttention: AttentionKernel {
    let counter: ComputeContext?

    func attend(_ inputs: AttentionInputs) throws(TensorError) -> Tensor {
        counter?.countAttention("tiled")
        return try tiledAttention(inputs.query, inputs.key, inputs.value, mask: inputs.mask, scale: inputs.scale)
    }

    func attendWithLogSumExp(_ inputs: AttentionInputs) throws(TensorError) -> (result: Tensor, logSumExp: Tensor) {
        counter?.countAttention("tiled")
        return try attentionPart(inputs.query, inputs.key, inputs.value, mask: inputs.mask, scale: inputs.scale)
    }
}

private struct ScaledDotProductAttention: AttentionKernel {
    let counter: ComputeContext?
    let byLibTorch: Bool

    func attend(_ inputs: AttentionInputs) throws(TensorError) -> Tensor {
        counter?.countAttention(inputs.kernel(byLibTorch: byLibTorch, inParts: false))
        return try scaledDotProductAttention(
            inputs.query, inputs.key, inputs.value, mask: inputs.mask, scale: inputs.scale, byLibTorch: byLibTorch)
    }

    func attendWithLogSumExp(_ inputs: AttentionInputs) throws(TensorError) -> (result: Tensor, logSumExp: Tensor) {
        try PartAttention(counter: counter).attendWithLogSumExp(inputs)
    }
}

private struct PartAttention: AttentionKernel {
    let counter: ComputeContext?

    func attend(_ inputs: AttentionInputs) throws(TensorError) -> Tensor { try attendWithLogSumExp(inputs).result }

    func attendWithLogSumExp(_ inputs: AttentionInputs) throws(TensorError) -> (result: Tensor, logSumExp: Tensor) {
        counter?.countAttention(inputs.kernel(byLibTorch: false, inParts: true))
        return try attentionPart(inputs.query, inputs.key, inputs.value, mask: inputs.mask, scale: inputs.scale)
    }
}

extension AttentionInputs {
    fileprivate func kernel(byLibTorch: Bool, inParts: Bool) -> String {
        nameOfAttentionKernel(
            query, key, value, mask: mask, scale: scale, byLibTorch: byLibTorch, inParts: inParts)
    }
}
