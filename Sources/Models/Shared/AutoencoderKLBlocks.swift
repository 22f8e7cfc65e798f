internal import Layers
internal import Tensors

/// Residual blocks of one size, and the step to the next size.
struct KLLevel {
    enum Resize { case down, up }

    private let residualBlocks: [KLResidualBlock]
    private let resize: Resize?
    private let convolution: Convolution2D?

    init(
        _ weights: Weights, from: Int, to: Int, layers: Int, resize: Resize?, _ config: AutoencoderKLConfig,
        scale: Int = 1
    ) throws {
        residualBlocks = try (0..<layers).map {
            try KLResidualBlock(weights["resnets"][$0], from: $0 == 0 ? from : to, to: to, config, scale: scale)
        }
        self.resize = resize
        convolution =
            switch resize {
            case .down:
                try Convolution2D(weights["downsamplers"][0]["conv"], from: to, to: to, kernel: 3, stride: 2)
            case .up:
                try Convolution2D(weights["upsamplers"][0]["conv"], from: to, to: to, kernel: 3, padding: 1)
            case nil: nil
            }
    }

    /// - Parameter x: `[batch, from, height, width]`
    /// - Returns: `[batch, to, …]`, of half, double or the same size
    func callAsFunction(_ x: consuming Tensor) throws(TensorError) -> Tensor { try resized(blocks(x)) }

    /// - Parameter x: `[batch, from, height, width]`
    /// - Returns: `[batch, to, height, width]`
    func blocks(_ x: consuming Tensor) throws(TensorError) -> Tensor {
        for block in residualBlocks { x = try block(x) }
        return x
    }

    /// - Parameter x: `[batch, to, height, width]`
    /// - Returns: `[batch, to, …]`, of half, double or the same size
    func resized(_ x: Tensor) throws(TensorError) -> Tensor {
        guard let resize, let convolution else { return x }
        switch resize {
        case .down: return try convolution(x.padded(0, 1, 0, 1))
        case .up: return try convolution.doubled(x)
        }
    }
}

/// Two convolutions, each after a norm and SiLU, added to the input.
struct KLResidualBlock {
    private let norm1, norm2: GroupNorm
    private let convolution1, convolution2: Convolution2D
    private let shortcut: Convolution2D?
    private let activation: Activation

    init(_ weights: Weights, from: Int, to: Int, _ config: AutoencoderKLConfig, scale: Int = 1) throws {
        norm1 = try GroupNorm(
            weights["norm1"], groups: config.normNumGroups, channels: from, epsilon: 1e-6, scale: scale)
        norm2 = try GroupNorm(
            weights["norm2"], groups: config.normNumGroups, channels: to, epsilon: 1e-6, scale: scale)
        convolution1 = try Convolution2D(weights["conv1"], from: from, to: to, kernel: 3, padding: 1)
        convolution2 = try Convolution2D(weights["conv2"], from: to, to: to, kernel: 3, padding: 1)
        shortcut = from == to ? nil : try Convolution2D(weights["conv_shortcut"], from: from, to: to, kernel: 1)
        activation = config.actFn
    }

    /// - Parameter x: `[batch, from, height, width]`
    /// - Returns: `[batch, to, height, width]`
    func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
        let h = try convolution2(norm2(convolution1(norm1(x, then: activation)), then: activation))
        guard let shortcut else { return try x + h }
        return try shortcut(x) + h
    }
}

/// A residual block, attention over all positions, and another residual block.
struct KLMiddle {
    private let first, second: KLResidualBlock
    private let attention: KLAttention?

    init(_ weights: Weights, channels: Int, _ config: AutoencoderKLConfig) throws {
        first = try KLResidualBlock(weights["resnets"][0], from: channels, to: channels, config)
        second = try KLResidualBlock(weights["resnets"][1], from: channels, to: channels, config)
        attention =
            config.midBlockAddAttention
            ? try KLAttention(weights["attentions"][0], channels: channels, groups: config.normNumGroups) : nil
    }

    func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
        var h = try first(x)
        if let attention { h = try attention(h) }
        return try second(h)
    }
}

/// Attention of every position to every other, with one head as wide as the channels.
struct KLAttention {
    private let norm: GroupNorm
    private let query, key, value, out: Linear
    private let attention: Attention
    private let context: ComputeContext

    init(_ weights: Weights, channels: Int, groups: Int) throws {
        context = weights.context
        norm = try GroupNorm(weights["group_norm"], groups: groups, channels: channels, epsilon: 1e-6)
        query = try Linear(weights["to_q"], from: channels, to: channels)
        key = try Linear(weights["to_k"], from: channels, to: channels)
        value = try Linear(weights["to_v"], from: channels, to: channels)
        out = try Linear(weights["to_out"][0], from: channels, to: channels)
        attention = Attention(weights, .selfAttention, heads: 1, headWidth: channels)
    }

    /// - Parameter x: `[batch, channels, height, width]`
    /// - Returns: `[batch, channels, height, width]`
    func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
        let shape = x.shape
        let tokens = try norm(x).reshaped(shape[0], shape[1], -1).transposed(1, 2)
        let (keys, values) = try ofAll(key(tokens), value(tokens), shape)
        return try x + out(attention(query(tokens), keys, values)).transposed(1, 2).reshaped(shape)
    }

    /// Keys and values of the whole picture, where this rank has those of a strip `[batch, channels, height, width]`.
    private func ofAll(_ keys: Tensor, _ values: Tensor, _ shape: [Int]) throws(TensorError) -> (Tensor, Tensor) {
        guard let picture = context.picture else { return (keys, values) }
        let both = try picture.joined(
            tokens: concatenate([keys, values], axis: 2), height: shape[2], width: shape[3]
        ).chunks(2)
        return (both[0], both[1])
    }
}
