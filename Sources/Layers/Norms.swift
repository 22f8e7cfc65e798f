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
    /// Where the devices meet that have a part of the last axis each; nil where one has all.
    private let group: ProcessGroup?

    /// Reads `weight`, `[size]`.
    ///
    /// - Parameters:
    ///   - weights: the view of this layer
    ///   - size: length of the last axis
    ///   - epsilon: added to the mean square
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, size: Int, epsilon: Double) throws {
        (weight, group) = (try weights.tensor("weight", size), nil)
        self.epsilon = epsilon
    }

    /// Reads `weight`, `[size]`, of all heads of an attention: of several devices that share them, each normalises its own
    /// by the mean square of all.
    ///
    /// - Parameters:
    ///   - weights: the view of this layer
    ///   - size: length of all heads
    ///   - epsilon: added to the mean square
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(ofAllHeads weights: Weights, size: Int, epsilon: Double) throws {
        (weight, group) = try weights.sharedTensor("weight", size)
        self.epsilon = epsilon
    }

    /// Whether other devices have parts of the last axis.
    var isShared: Bool { group != nil }

    /// Normalises.
    ///
    /// - Parameter x: `[…, size]`
    /// - Returns: `[…, size]`
    package func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
        guard let group else { return try rmsNorm(x, weight: weight, epsilon: epsilon) }
        let wide = try x.to(.float32)
        let width = Double(group.size) * Double(x.size(-1))
        let squares = try group.allReduce((wide * wide).sum(over: -1)) / width
        return try (wide / sqrt(squares + epsilon)).to(x.dtype) * weight
    }

    /// Normalises all heads of a token together, and turns the halves of each against each other.
    ///
    /// - Parameters:
    ///   - x: `[batch, tokens, heads · headWidth]`
    ///   - cosine: of each pair's angle, `[tokens, heads, headWidth / 2]`, 32-bit floats
    ///   - sine: as `cosine`
    /// - Returns: `[batch, tokens, heads · headWidth]`; nil where other devices have parts of the last axis
    package func turned(_ x: Tensor, cosine: Tensor, sine: Tensor) throws(TensorError) -> Tensor? {
        if isShared { return nil }
        return try jointRMSNormRotaryOfHalves(x, weight: weight, cosine: cosine, sine: sine, epsilon: epsilon)
    }
}

/// Normalisation of groups of channels, with weight and bias.
///
/// Of a picture that several ranks decode, the groups' mean and variance are the whole picture's.
package struct GroupNorm {
    private let weight, bias: Tensor
    private let groups, scale: Int
    private let epsilon: Double
    private let context: ComputeContext

    /// Reads `weight` and `bias`, `[channels]`.
    ///
    /// - Parameters:
    ///   - weights: the view of this layer
    ///   - groups: how many groups
    ///   - channels: how many channels, a multiple of the groups
    ///   - epsilon: added to the variance
    ///   - scale: in a decoder, how many positions a latent has become along each side
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, groups: Int, channels: Int, epsilon: Double, scale: Int = 1) throws {
        weight = try weights.tensor("weight", channels)
        bias = try weights.tensor("bias", channels)
        (self.groups, self.scale, self.epsilon, context) = (groups, scale, epsilon, weights.context)
    }

    /// Normalises.
    ///
    /// - Parameter x: `[batch, channels, …]`
    /// - Returns: the same shape
    package func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
        guard let picture = context.picture else {
            return try groupNorm(x, groups: groups, weight: weight, bias: bias, epsilon: epsilon)
        }
        return try jointGroupNorm(x, moments: moments(of: x, picture), weight: weight, bias: bias, epsilon: epsilon)
    }

    /// Normalises and applies a function.
    ///
    /// - Parameters:
    ///   - x: `[batch, channels, …]`
    ///   - activation: the function
    /// - Returns: the same shape
    package func callAsFunction(_ x: Tensor, then activation: Activation) throws(TensorError) -> Tensor {
        guard activation == .silu else { return try activation(self(x)) }
        guard let picture = context.picture else {
            return try groupNormSilu(x, groups: groups, weight: weight, bias: bias, epsilon: epsilon)
        }
        return try jointGroupNormSilu(x, moments: moments(of: x, picture), weight: weight, bias: bias, epsilon: epsilon)
    }

    /// Of every rank's strip, `[ranks, batch, groups, 3]`.
    private func moments(of x: Tensor, _ picture: PictureCut) throws(TensorError) -> Tensor {
        try picture.moments(of: x, scale: scale) { own throws(TensorError) in try groupMoments(own, groups: groups) }
    }
}
