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
    private let groups: Int
    private let epsilon: Double
    private let context: ComputeContext

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
        (self.groups, self.epsilon, context) = (groups, epsilon, weights.context)
    }

    /// Normalises.
    ///
    /// - Parameter x: `[batch, channels, …]`
    /// - Returns: the same shape
    package func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
        guard let picture = context.picture else {
            return try groupNorm(x, groups: groups, weight: weight, bias: bias, epsilon: epsilon)
        }
        let (scale, shift) = try factors(of: x, in: picture)
        let (batch, channels) = (x.size(0), x.size(1))
        return try (x.to(.float32) * scale.reshaped(batch, channels, 1, 1) + shift.reshaped(batch, channels, 1, 1))
            .to(x.dtype)
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
        let (scale, shift) = try factors(of: x, in: picture)
        return try scaledChannelsSilu(x, scale: scale, shift: shift)
    }

    /// What each channel is multiplied by, and what is added then, where several ranks have strips of a picture.
    ///
    /// - Parameters:
    ///   - x: this rank's strip, `[batch, channels, height, width]`
    ///   - picture: the others'
    /// - Returns: each `[batch, channels]` in 32-bit floats, the same on every rank
    private func factors(of x: Tensor, in picture: PictureCut) throws(TensorError) -> (scale: Tensor, shift: Tensor) {
        let (mean, variance) = try picture.moments(groupMoments(x, groups: groups))
        let (batch, channels) = (x.size(0), x.size(1))
        func ofChannels(_ parameter: Tensor) throws(TensorError) -> Tensor {
            try parameter.to(.float32).reshaped(1, groups, channels / groups)
        }
        // [batch, groups, channels of a group]
        let scale = try ofChannels(weight) / sqrt(variance + epsilon).unsqueezed(2)
        let shift = try ofChannels(bias) - scale * mean.unsqueezed(2)
        return (try scale.reshaped(batch, channels), try shift.reshaped(batch, channels))
    }
}
