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
        /// - Throws: ``TensorError``
        func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
            try rmsNorm(x, weight: weight, epsilon: epsilon)
        }

        /// The norm, and SiLU of it.
        ///
        /// - Parameter x: `[…, channels]`
        /// - Returns: the same shape
        /// - Throws: ``TensorError``
        func activated(_ x: Tensor) throws(TensorError) -> Tensor {
            try rmsNormSilu(x, weight: weight, epsilon: epsilon)
        }
    }

    /// A convolution whose window is one position, as a product.
    struct Projection {
        private let weight, bias: Tensor

        /// - Parameters:
        ///   - weights: the view of this layer
        ///   - from: channels of the input
        ///   - to: channels of the output
        ///   - singleAxes: how many axes of length 1 the window has in the checkpoint
        /// - Throws: ``WeightError`` or ``TensorError``
        init(_ weights: Weights, from: Int, to: Int, singleAxes: Int = 3) throws {
            let shape = [to, from] + [Int](repeating: 1, count: singleAxes)
            weight = try weights.tensor("weight", shape, permuted: Array(shape.indices)).reshaped(to, from)
            bias = try weights.tensor("bias", to)
        }

        /// - Parameter x: `[…, from]`
        /// - Returns: `[…, to]`
        /// - Throws: ``TensorError``
        func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor { try linear(x, weight: weight, bias: bias) }
    }

    /// Two causal convolutions, each after a norm and SiLU, added to the input.
    struct ResidualBlock {
        /// What the convolutions have seen.
        struct State {
            var first = FrameHistory()
            var second = FrameHistory()
        }

        private let norm1, norm2: ChannelNorm
        private let convolution1, convolution2: CausalConvolution3D
        private let shortcut: Projection?

        init(_ weights: Weights, from: Int, to: Int) throws {
            norm1 = try ChannelNorm(weights["norm1"], channels: from)
            norm2 = try ChannelNorm(weights["norm2"], channels: to)
            convolution1 = try CausalConvolution3D(weights["conv1"], from: from, to: to)
            convolution2 = try CausalConvolution3D(weights["conv2"], from: to, to: to)
            shortcut = from == to ? nil : try Projection(weights["conv_shortcut"], from: from, to: to)
        }

        /// - Parameters:
        ///   - x: a frame, `[batch, 1, height, width, from]`
        ///   - state: of the frames before it
        /// - Returns: `[batch, 1, height, width, to]`
        /// - Throws: ``TensorError``
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
        private let queryKeyValue, out: Projection
        private let backend: any AttentionBackend

        init(_ weights: Weights, channels: Int) throws {
            norm = try ChannelNorm(weights["norm"], channels: channels, singleAxes: 2)
            queryKeyValue = try Projection(weights["to_qkv"], from: channels, to: 3 * channels, singleAxes: 2)
            out = try Projection(weights["proj"], from: channels, to: channels, singleAxes: 2)
            backend = weights.plan.attention
        }

        /// - Parameter x: a frame, `[batch, 1, height, width, channels]`
        /// - Returns: the same shape
        /// - Throws: ``TensorError``
        func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
            let shape = x.shape
            let tokens = try norm(x).reshaped(shape[0], 1, shape[2] * shape[3], shape[4])
            let parts = try queryKeyValue(tokens).chunks(3)
            let attended = try backend.attend(
                parts[0], parts[1], parts[2], mask: nil, scale: 1 / Double(shape[4]).squareRoot())
            return try x + out(attended).reshaped(shape)
        }
    }

    /// A residual block, attention within each frame, and another residual block.
    struct Middle {
        /// What the blocks have seen.
        struct State {
            var first = ResidualBlock.State()
            var second = ResidualBlock.State()
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
        /// - Throws: ``TensorError``
        func callAsFunction(_ x: Tensor, _ state: inout State) throws(TensorError) -> Tensor {
            try second(attention(first(x, &state.first)), &state.second)
        }
    }
}
