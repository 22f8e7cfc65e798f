internal import Layers
internal import Tensors

/// RMS norm in 32-bit floats, whatever the type of the model.
struct LanguageModelNorm {
    /// `[size]`, in 32-bit floats.
    private let weight: Tensor
    private let epsilon: Double
    private let dtype: DType

    /// Reads `weight`, `[size]`.
    init(_ weights: Weights, size: Int, _ layout: LanguageModelLayout) throws {
        try self.init(weights, size: size, epsilon: layout.normEpsilon, around: layout.normsAroundOne ? 1 : 0)
    }

    /// Reads `weight`, `[size]`, which is what the factor has beyond `centre`.
    init(_ weights: Weights, size: Int, epsilon: Double, around centre: Double = 0) throws {
        let stored = try weights.computing(in: .float32).tensor("weight", size)
        weight = centre == 0 ? stored : try stored + centre
        (self.epsilon, dtype) = (epsilon, weights.plan.dtype)
    }

    /// - Parameter x: `[…, size]`, of any type
    /// - Returns: `[…, size]`, in the model's type
    func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor { try wide(x).to(dtype) }

    /// Heads, normed each by itself, and turned by their token's position.
    ///
    /// - Parameters:
    ///   - heads: `[batch, tokens, heads, size]`
    ///   - rotary: the tables of the tokens
    /// - Returns: the same shape and type
    func turned(_ heads: Tensor, _ rotary: RotaryEmbedding) throws(TensorError) -> Tensor {
        try rmsNormRotaryOfHalves(
            heads, weight: weight, cosine: rotary.cosine, sine: rotary.sine, epsilon: epsilon)
    }

    /// - Parameter x: `[…, size]`, of any type
    /// - Returns: `[…, size]`, in 32-bit floats
    func wide(_ x: Tensor) throws(TensorError) -> Tensor {
        try rmsNorm(x.to(.float32), weight: weight, epsilon: epsilon)
    }
}
