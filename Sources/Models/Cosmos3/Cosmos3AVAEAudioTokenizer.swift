package import Layers
package import Tensors

/// From the latents of a sound to its waves: levels that each enlarge what they get and pass it through three residual units.
// Source: diffusers 0.42.1, models/autoencoders/autoencoder_cosmos3_audio.py.
package struct Cosmos3AVAEAudioTokenizer {
    /// The component's `config.json`.
    package let config: Cosmos3AVAEAudioTokenizerConfig
    private let convolutionIn, convolutionOut: NormedConvolution
    private let levels: [Level]
    private let snake: Snake
    private let dtype: DType

    /// Reads the decoder.
    ///
    /// - Parameters:
    ///   - weights: the view of the component
    ///   - config: its `config.json`
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, _ config: Cosmos3AVAEAudioTokenizerConfig) throws {
        self.config = config
        dtype = weights.plan.dtype
        weights.disregard(part: "encoder")
        let (decoder, channels) = (weights["decoder"], config.channels)
        convolutionIn = try NormedConvolution(
            decoder["conv1"], from: config.vocoderInputDim, to: channels[0], kernel: 7)
        levels = try config.decStrides.reversed().enumerated().map { level, stride in
            try Level(decoder["block"][level], from: channels[level], to: channels[level + 1], stride: stride)
        }
        snake = try Snake(decoder["snake1"], channels: config.decDim)
        convolutionOut = try NormedConvolution(
            decoder["conv2"], from: config.decDim, to: config.decOutChannels, kernel: 7, bias: false)
    }

    /// The waves of latents.
    ///
    /// - Parameter latents: `[batch, vocoderInputDim, frames]`
    /// - Returns: from -1 to 1, `[batch, decOutChannels, frames · samplesPerFrame]`
    package func decode(_ latents: Tensor) throws(TensorError) -> Tensor {
        var x = try convolutionIn(latents.to(dtype))
        for level in levels { x = try level(x) }
        return try convolutionOut(snake(x)).clamped(-1, 1)
    }
}

extension Cosmos3AVAEAudioTokenizer {
    /// A transposed convolution, and three residual units of growing sight.
    private struct Level {
        private let snake: Snake
        private let weight, bias: Tensor
        private let stride: Int
        private let units: [ResidualUnit]

        init(_ weights: Weights, from: Int, to: Int, stride: Int) throws {
            snake = try Snake(weights["snake1"], channels: from)
            weight = try weights["conv_t1"].normedWeight(from, to, 2 * stride)
            bias = try weights["conv_t1"].tensor("bias", to)
            self.stride = stride
            units = try [1, 3, 9].enumerated().map { index, dilation in
                try ResidualUnit(weights["res_unit\(index + 1)"], channels: to, dilation: dilation)
            }
        }

        /// - Parameter x: `[batch, from, length]`
        /// - Returns: `[batch, to, length · stride]`
        func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
            let length = x.size(2) * stride
            let large = try transposedConvolution1D(snake(x), weight: weight, bias: bias, stride: stride)
            // Of an odd stride one more is cut off in front than behind.
            let margin = (stride + 1) / 2
            var x = try large.slice(margin..<margin + length, axis: 2).contiguous()
            for unit in units { x = try unit(x) }
            return x
        }
    }

    /// Two convolutions, each behind an activation, added to the input.
    private struct ResidualUnit {
        private let snakes: [Snake]
        private let convolutions: [NormedConvolution]

        init(_ weights: Weights, channels: Int, dilation: Int) throws {
            snakes = try ["snake1", "snake2"].map { try Snake(weights[$0], channels: channels) }
            convolutions = [
                try NormedConvolution(
                    weights["conv1"], from: channels, to: channels, kernel: 7, dilation: dilation),
                try NormedConvolution(weights["conv2"], from: channels, to: channels, kernel: 1),
            ]
        }

        func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
            try x + convolutions[1](snakes[1](convolutions[0](snakes[0](x))))
        }
    }

    /// A convolution over time that keeps the length.
    private struct NormedConvolution {
        private let weight: Tensor
        private let bias: Tensor?
        private let dilation, padding: Int

        init(_ weights: Weights, from: Int, to: Int, kernel: Int, dilation: Int = 1, bias: Bool = true) throws {
            weight = try weights.normedWeight(to, from, kernel)
            self.bias = bias ? try weights.tensor("bias", to) : nil
            (self.dilation, padding) = (dilation, dilation * (kernel - 1) / 2)
        }

        func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
            try convolution1D(x, weight: weight, bias: bias, dilation: dilation, padding: padding)
        }
    }

    /// x + sin²(αx) / β, with the exponentials of two parameters for every channel.
    private struct Snake {
        /// Each `[1, channels, 1]`.
        private let frequency, amplitude: Tensor

        init(_ weights: Weights, channels: Int) throws {
            frequency = try exp(weights.tensor("alpha", 1, channels, 1))
            amplitude = try 1 / (exp(weights.tensor("beta", 1, channels, 1)) + 1e-9)
        }

        func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
            let wave = try sin(x * frequency)
            return try x + amplitude * (wave * wave)
        }
    }
}

extension Weights {
    /// A weight that is stored as its direction and, for each position of its first axis, its length.
    fileprivate func normedWeight(_ first: Int, _ second: Int, _ kernel: Int) throws -> Tensor {
        let direction = try tensor("weight_v", first, second, kernel)
        let length = try sqrt((direction * direction).sum(over: 1, 2)).reshaped(first, 1, 1)
        return try direction * (tensor("weight_g", first, 1, 1) / length)
    }
}
