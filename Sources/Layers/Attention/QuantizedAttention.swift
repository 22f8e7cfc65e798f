internal import Tensors

/// Attention in fewer bits, and in steps that stay exact by another kernel.
struct QuantizedAttention: AttentionKernel {
    private let recipe: AttentionQuantization
    private let exact: any AttentionKernel
    private let context: ComputeContext

    /// - Parameters:
    ///   - recipe: how queries, keys and values are rounded
    ///   - exact: the kernel of exact steps, and of calls with a mask, which quantised ones do not take
    ///   - context: what knows the step
    init(_ recipe: AttentionQuantization, exact: any AttentionKernel, _ context: ComputeContext) {
        (self.recipe, self.exact, self.context) = (recipe, exact, context)
    }

    func attend(_ inputs: AttentionInputs) throws(TensorError) -> Tensor {
        isExact(inputs) ? try exact.attend(inputs) : try quantized(inputs).result
    }

    func attendWithLogSumExp(_ inputs: AttentionInputs) throws(TensorError) -> (result: Tensor, logSumExp: Tensor) {
        isExact(inputs) ? try exact.attendWithLogSumExp(inputs) : try quantized(inputs)
    }

    private func isExact(_ inputs: AttentionInputs) -> Bool { inputs.mask != nil || !recipe.includes(context.step) }

    private func quantized(_ inputs: AttentionInputs) throws(TensorError) -> (result: Tensor, logSumExp: Tensor) {
        context.countAttention(recipe.kernelName)
        return try quantizedAttention(
            inputs.query, inputs.key, inputs.value, scale: inputs.scale, codes: recipe.codes.dtype,
            keyBlock: recipe.keyBlock, valueChannels: recipe.valueChannels)
    }
}

extension AttentionQuantization.Codes {
    fileprivate var dtype: DType {
        switch self {
        case .int8: .int8
        case .fp8: .float8E4M3
        case .unrounded: .bfloat16
        }
    }
}
