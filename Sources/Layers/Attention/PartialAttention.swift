internal import Tensors

/// The result of an attention to some of the keys, to be joined with results of others.
struct PartialAttention {
    /// `[batch, heads, tokens, headWidth]`, in 32-bit floats.
    private(set) var result: Tensor
    /// log Σ exp(score) of each token, `[batch, heads, tokens]`, in 32-bit floats.
    private(set) var logSumExp: Tensor

    init(_ part: (result: Tensor, logSumExp: Tensor)) throws(TensorError) {
        (result, logSumExp) = (try part.result.to(.float32), part.logSumExp)
    }

    /// Adds the result of other keys, of which there is at least one.
    mutating func join(_ other: PartialAttention) throws(TensorError) {
        let difference = try other.logSumExp - logSumExp
        let sum = try logSumExp + (relu(difference) + log(exp(abs(difference) * -1) + 1))
        result = try result + (other.result - result) * exp(other.logSumExp - sum).unsqueezed(3)
        logSumExp = sum
    }
}
