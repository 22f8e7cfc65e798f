internal import Layers
internal import Tensors

extension AutoencoderKLWan {
    /// Every position divided by the root mean square of its channels, which lie last, with weight.
    struct ChannelNorm {
        private let weight: Tensor
        private let epsilon: Double

        /// - Parameters:
        ///   - weights: the view of this layer
        ///   - channels: how many channels
        ///   - singleAxes: how many axes of length 1 follow the channels in the checkpoint
        /// - Throws: ``WeightError`` or ``TensorError``
        init(_ weights: Weights, channels: Int, singleAxes: Int = 3) throws {
            let shape = [channels] + [Int](repeating: 1, count: singleAxes)
            weight = try weights.tensor("gamma", shape, permuted: Array(shape.indices)).reshaped(channels)
            // The reference only keeps the length of a position's vector from being less than 1e-12.
            epsilon = 1e-24 / Double(channels)
        }

        /// - Parameter x: `[…, channels]`
        /// - Returns: the same shape
        func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
            try rmsNorm(x, weight: weight, epsilon: epsilon)
        }

        /// The norm, and SiLU of it.
        ///
        /// - Parameter x: `[…, channels]`
        /// - Returns: the same shape
        func activated(_ x: Tensor) throws(TensorError) -> Tensor {
            try rmsNormSilu(x, weight: weight, epsilon: epsilon)
        }
    }

    /// Two causal convolutions, each after a norm and SiLU, added to the input.
    struct ResidualBlock {
        /// What the convolutions have seen.
        struct State {
            var first, second: FrameHistory

            init(isOfImage: Bool) {
                first = FrameHistory(isOfImage: isOfImage)
                second = first
            }
        }

        private let norm1, norm2: ChannelNorm
        private let convolution1, convolution2: CausalConvolution3D
        private let shortcut: Linear?

        init(_ weights: Weights, from: Int, to: Int) throws {
            norm1 = try ChannelNorm(weights["norm1"], channels: from)
            norm2 = try ChannelNorm(weights["norm2"], channels: to)
            convolution1 = try CausalConvolution3D(weights["conv1"], from: from, to: to)
            convolution2 = try CausalConvolution3D(weights["conv2"], from: to, to: to)
            shortcut = from == to ? nil : try Linear(weights["conv_shortcut"], pointwise: from, to: to)
        }

        /// - Parameters:
        ///   - x: a frame, `[batch, 1, height, width, from]`
        ///   - state: of the frames before it
        /// - Returns: `[batch, 1, height, width, to]`
        func callAsFunction(_ x: Tensor, _ state: inout State) throws(TensorError) -> Tensor {
            let h = try convolution1(norm1.activated(x), &state.first)
            let change = try convolution2(norm2.activated(h), &state.second)
            guard let shortcut else { return try x + change }
            return try shortcut(x) + change
        }
    }

    /// Attention of every position of a frame to every other, with one head as wide as the channels.
    struct FrameAttention {
        private let norm: ChannelNorm
        private let queryKeyValue, out: Linear
        private let attention: Attention
        private let context: ComputeContext

        init(_ weights: Weights, channels: Int) throws {
            context = weights.context
            norm = try ChannelNorm(weights["norm"], channels: channels, singleAxes: 2)
            queryKeyValue = try Linear(weights["to_qkv"], pointwise: channels, to: 3 * channels, axes: 2)
            out = try Linear(weights["proj"], pointwise: channels, to: channels, axes: 2)
            attention = Attention(weights, .selfAttention, heads: 1, headWidth: channels)
        }

        /// - Parameter x: a frame, `[batch, 1, height, width, channels]`
        /// - Returns: the same shape
        func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
            let shape = x.shape
            let tokens = try norm(x).reshaped(shape[0], shape[2] * shape[3], shape[4])
            let parts = try queryKeyValue(tokens)
            let query = try parts.slice(0..<shape[4], axis: 2)
            let all = try ofAll(parts.slice(shape[4]..<3 * shape[4], axis: 2), shape).chunks(2)
            return try x + out(attention(query, all[0], all[1])).reshaped(shape)
        }

        /// Keys and values of the whole picture, where this rank has those of a strip `[batch, 1, height, width, channels]`.
        private func ofAll(_ tokens: Tensor, _ shape: [Int]) throws(TensorError) -> Tensor {
            try context.picture?.joined(tokens: tokens, height: shape[2], width: shape[3]) ?? tokens
        }
    }

    /// A residual block, attention within each frame, and another residual block.
    struct Middle {
        /// What the blocks have seen.
        struct State {
            var first, second: ResidualBlock.State

            init(isOfImage: Bool) {
                first = ResidualBlock.State(isOfImage: isOfImage)
                second = first
            }
        }

        private let first, second: ResidualBlock
        private let attention: FrameAttention

        init(_ weights: Weights, channels: Int) throws {
            first = try ResidualBlock(weights["resnets"][0], from: channels, to: channels)
            attention = try FrameAttention(weights["attentions"][0], channels: channels)
            second = try ResidualBlock(weights["resnets"][1], from: channels, to: channels)
        }

        /// - Parameters:
        ///   - x: a frame, `[batch, 1, height, width, channels]`
        ///   - state: of the frames before it
        /// - Returns: the same shape
        func callAsFunction(_ x: Tensor, _ state: inout State) throws(TensorError) -> Tensor {
            try second(attention(first(x, &state.first)), &state.second)
        }
    }
}

extension Linear {
    /// Reads a convolution whose window is one position.
    ///
    /// - Parameters:
    ///   - weights: the view of this layer
    ///   - from: channels of the input, which lie last
    ///   - to: channels of the output
    ///   - axes: how many axes of length 1 the window has in the checkpoint
    /// - Throws: ``WeightError`` or ``TensorError``
    init(_ weights: Weights, pointwise from: Int, to: Int, axes: Int = 3) throws {
        try self.init(weights, patch: [from] + [Int](repeating: 1, count: axes), to: to)
    }
}
