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
        let (decoder, channels) = (Parts(weights["decoder"]), config.channels)
        let last = config.decStrides.count + 1
        convolutionIn = try NormedConvolution(
            decoder["conv1", 0], from: config.vocoderInputDim, to: channels[0], kernel: 7)
        levels = try config.decStrides.reversed().enumerated().map { level, stride in
            try Level(
                decoder.within("block")["\(level)", level + 1],
                from: channels[level], to: channels[level + 1], stride: stride)
        }
        snake = try Snake(decoder["snake1", last], channels: config.decDim)
        convolutionOut = try NormedConvolution(
            decoder["conv2", last + 1], from: config.decDim, to: config.decOutChannels, kernel: 7, bias: false)
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
    /// The parts of the decoder, which have names, or numbers in older files.
    private struct Parts {
        let weights: Weights
        let isOld: Bool

        /// - Parameter decoder: the view of the decoder
        init(_ decoder: Weights) { self.init(decoder, isOld: !decoder.contains("conv1.bias")) }

        private init(_ weights: Weights, isOld: Bool) { (self.weights, self.isOld) = (weights, isOld) }

        /// A part by its name, or in older files by its number.
        subscript(_ name: String, _ number: Int) -> Parts {
            Parts(isOld ? weights["layers"][number] : weights[name], isOld: isOld)
        }

        /// A list of parts that older files do not have.
        func within(_ name: String) -> Parts { isOld ? self : Parts(weights[name], isOld: false) }

        /// One number for each channel, `[1, channels, 1]`.
        func channels(_ name: String, _ count: Int) throws -> Tensor {
            try isOld
                ? weights.tensor(name, count).reshaped(1, count, 1) : weights.tensor(name, 1, count, 1)
        }

        /// A weight that is stored as its direction and, for each position of its first axis, its length; or as it is.
        func weight(_ first: Int, _ second: Int, _ kernel: Int) throws -> Tensor {
            guard weights.contains("weight_v") else { return try weights.tensor("weight", first, second, kernel) }
            let direction = try weights.tensor("weight_v", first, second, kernel)
            let length = try sqrt((direction * direction).sum(over: 1, 2)).reshaped(first, 1, 1)
            return try direction * (weights.tensor("weight_g", first, 1, 1) / length)
        }
    }

    /// A transposed convolution, and three residual units of growing sight.
    private struct Level {
        private let snake: Snake
        private let weight, bias: Tensor
        private let stride: Int
        private let units: [ResidualUnit]

        init(_ parts: Parts, from: Int, to: Int, stride: Int) throws {
            snake = try Snake(parts["snake1", 0], channels: from)
            let convolution = parts["conv_t1", 1]
            weight = try convolution.weight(from, to, 2 * stride)
            bias = try convolution.weights.tensor("bias", to)
            self.stride = stride
            units = try [1, 3, 9].enumerated().map { index, dilation in
                try ResidualUnit(parts["res_unit\(index + 1)", index + 2], channels: to, dilation: dilation)
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

        init(_ parts: Parts, channels: Int, dilation: Int) throws {
            snakes = [
                try Snake(parts["snake1", 0], channels: channels), try Snake(parts["snake2", 2], channels: channels),
            ]
            convolutions = [
                try NormedConvolution(
                    parts["conv1", 1], from: channels, to: channels, kernel: 7, dilation: dilation),
                try NormedConvolution(parts["conv2", 3], from: channels, to: channels, kernel: 1),
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

        init(_ part: Parts, from: Int, to: Int, kernel: Int, dilation: Int = 1, bias: Bool = true) throws {
            weight = try part.weight(to, from, kernel)
            self.bias = bias ? try part.weights.tensor("bias", to) : nil
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

        init(_ part: Parts, channels: Int) throws {
            frequency = try exp(part.channels("alpha", channels))
            amplitude = try 1 / (exp(part.channels("beta", channels)) + 1e-9)
        }

        func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
            let wave = try sin(x * frequency)
            return try x + amplitude * (wave * wave)
        }
    }
}
