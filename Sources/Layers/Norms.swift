package import Tensors

/// Layer normalisation over the last axis, with weight and bias.
package struct LayerNorm {
    private let weight, bias: Tensor
    private let epsilon: Double

    /// Reads `weight` and `bias`, `[size]`.
    ///
    /// - Parameters:
    ///   - weights: the view of this layer
    ///   - size: length of the last axis
    ///   - epsilon: added to the variance
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, size: Int, epsilon: Double) throws {
        weight = try weights.tensor("weight", size)
        bias = try weights.tensor("bias", size)
        self.epsilon = epsilon
    }

    /// Normalises.
    ///
    /// - Parameter x: `[…, size]`
    /// - Returns: `[…, size]`
    package func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
        try layerNorm(x, weight: weight, bias: bias, epsilon: epsilon)
    }
}

/// Root-mean-square normalisation over the last axis, with weight.
package struct RMSNorm {
    package let weight: Tensor
    package let epsilon: Double

    /// Reads `weight`, `[size]`.
    ///
    /// - Parameters:
    ///   - weights: the view of this layer
    ///   - size: length of the last axis
    ///   - epsilon: added to the mean square
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, size: Int, epsilon: Double) throws {
        weight = try weights.tensor("weight", size)
        self.epsilon = epsilon
    }

    /// Normalises.
    ///
    /// - Parameter x: `[…, size]`
    /// - Returns: `[…, size]`
    package func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
        try rmsNorm(x, weight: weight, epsilon: epsilon)
    }
}

/// Normalisation of groups of channels, with weight and bias.
package struct GroupNorm {
    private let weight, bias: Tensor
    private let groups: Int
    private let epsilon: Double

    /// Reads `weight` and `bias`, `[channels]`.
    ///
    /// - Parameters:
    ///   - weights: the view of this layer
    ///   - groups: how many groups
    ///   - channels: how many channels, a multiple of the groups
    ///   - epsilon: added to the variance
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, groups: Int, channels: Int, epsilon: Double) throws {
        weight = try weights.tensor("weight", channels)
        bias = try weights.tensor("bias", channels)
        (self.groups, self.epsilon) = (groups, epsilon)
    }

    /// Normalises.
    ///
    /// - Parameter x: `[batch, channels, …]`
    /// - Returns: the same shape
    package func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
        try groupNorm(x, groups: groups, weight: weight, bias: bias, epsilon: epsilon)
    }

    /// Normalises and applies a function.
    ///
    /// - Parameters:
    ///   - x: `[batch, channels, …]`
    ///   - activation: the function
    /// - Returns: the same shape
    package func callAsFunction(_ x: Tensor, then activation: Activation) throws(TensorError) -> Tensor {
        guard activation == .silu else { return try activation(self(x)) }
        return try groupNormSilu(x, groups: groups, weight: weight, bias: bias, epsilon: epsilon)
    }
}
