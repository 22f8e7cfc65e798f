package import Diffusion
package import Layers
package import Tensors

/// From spectrograms to waves: stages that each enlarge what they get and run several residual blocks beside each other.
// Source: diffusers 0.42.1, pipelines/ltx2/vocoder.py.
package struct LTX2Vocoder {
    /// The component's `config.json`.
    package let config: LTX2VocoderConfig
    private let convolutionIn, convolutionOut: Convolution1D
    private let stages: [Stage]
    private let lastActivation: Activation
    private let dtype: DType

    /// Reads the network.
    ///
    /// - Parameters:
    ///   - weights: the view of the component
    ///   - config: its `config.json`
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, _ config: LTX2VocoderConfig) throws {
        self.config = config
        dtype = weights.plan.dtype
        convolutionIn = try Convolution1D(
            weights["conv_in"], from: config.inChannels, to: config.hiddenChannels, kernel: 7)
        stages = try config.upsampleFactors.indices.map { try Stage(weights, $0, config) }
        let last = config.hiddenChannels >> config.upsampleFactors.count
        // Filtered whatever the config says of the others, and a leaky ReLU of PyTorch's own slope.
        lastActivation = try Activation(
            weights["act_out"], channels: last, slope: 0.01, isFiltered: config.actFn == .snakeBeta, config)
        convolutionOut = try Convolution1D(
            weights["conv_out"], from: last, to: config.outChannels, kernel: 7, bias: config.finalBias)
    }

    /// How many samples a second the waves have.
    package var samplingRate: Int { config.outputSamplingRate }

    /// The waves of spectrograms.
    ///
    /// - Parameter spectrogram: `[batch, channels, frames, bins]`
    /// - Returns: from -1 to 1 where the config limits them, `[batch, outChannels, frames · samplesPerFrame]`
    package func callAsFunction(_ spectrogram: Tensor) throws(TensorError) -> Tensor {
        let (batch, frames) = (spectrogram.size(0), spectrogram.size(2))
        var x = try convolutionIn(spectrogram.to(dtype).transposed(2, 3).reshaped(batch, -1, frames))
        for stage in stages { x = try stage(x) }
        x = try convolutionOut(lastActivation(x))
        switch config.finalActFn {
        case .tanh: return try tanh(x)
        case .clamp: return try x.clamped(-1, 1)
        case nil: return x
        }
    }

    /// What a batch of waves takes besides weights, in bytes.
    ///
    /// - Parameters:
    ///   - batch: how many sounds
    ///   - frames: of each spectrogram
    /// - Returns: an upper estimate
    package static func bytes(_ config: LTX2VocoderConfig, batch: Int, frames: Int) -> MemorySize {
        var (most, samples) = (0, 1)
        for (stage, factor) in config.upsampleFactors.enumerated() {
            samples *= factor
            // The stage's input, a block's three tensors and those of the blocks before it; filters double one of them.
            let tensors =
                config.resnetKernelSizes.count + 4 + (config.actFn == .snakeBeta ? 3 * config.antialiasRatio : 0)
            // On CPUs convolutions lay out eight channels at least.
            most = max(most, samples * max(config.hiddenChannels >> (stage + 1), 8) * tensors)
        }
        return MemorySize(batch) * frames * most * DType.float32.size
    }
}

extension LTX2Vocoder {
    /// A transposed convolution, and the mean of several residual blocks.
    private struct Stage {
        private let slope: Double?
        private let weight, bias: Tensor
        private let factor, padding: Int
        private let blocks: [ResidualBlock]

        /// - Parameters:
        ///   - weights: the view of the network
        ///   - index: which stage
        ///   - config: the network's
        /// - Throws: ``WeightError`` or ``TensorError``
        init(_ weights: Weights, _ index: Int, _ config: LTX2VocoderConfig) throws {
            let (from, to) = (config.hiddenChannels >> index, config.hiddenChannels >> (index + 1))
            let (kernel, count) = (config.upsampleKernelSizes[index], config.resnetKernelSizes.count)
            slope = config.actFn == .leakyRelu ? config.leakyReluNegativeSlope : nil
            weight = try weights["upsamplers"][index].tensor("weight", from, to, kernel)
            bias = try weights["upsamplers"][index].tensor("bias", to)
            factor = config.upsampleFactors[index]
            padding = (kernel - factor) / 2
            blocks = try (0..<count).map { block in
                try ResidualBlock(weights["resnets"][index * count + block], block, channels: to, config)
            }
        }

        /// - Parameter x: `[batch, channels, length]`
        /// - Returns: `[batch, channels / 2, length · factor]`
        func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
            let entering = try slope.map { slope throws(TensorError) in try leakyRelu(x, slope: slope) } ?? x
            let large = try transposedConvolution1D(
                entering, weight: weight, bias: bias, stride: factor, padding: padding)
            var sum = try blocks[0](large)
            for block in blocks.dropFirst() { sum = try sum + block(large) }
            return try sum / Double(blocks.count)
        }
    }

    /// Pairs of convolutions, each after an activation, added to the input; the first of a pair sees further.
    private struct ResidualBlock {
        private let pairs: [(Activation, Convolution1D, Activation, Convolution1D)]

        init(_ weights: Weights, _ index: Int, channels: Int, _ config: LTX2VocoderConfig) throws {
            let kernel = config.resnetKernelSizes[index]
            func activation(_ list: String, _ pair: Int) throws -> Activation {
                try Activation(
                    weights[list][pair], channels: channels, slope: config.leakyReluNegativeSlope,
                    isFiltered: config.antialias, config)
            }
            pairs = try config.resnetDilations[index].enumerated().map { pair, dilation in
                (
                    try activation("acts1", pair),
                    try Convolution1D(
                        weights["convs1"][pair], from: channels, to: channels, kernel: kernel, dilation: dilation),
                    try activation("acts2", pair),
                    try Convolution1D(weights["convs2"][pair], from: channels, to: channels, kernel: kernel)
                )
            }
        }

        func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
            var x = x
            for (activation1, convolution1, activation2, convolution2) in pairs {
                x = try x + convolution2(activation2(convolution1(activation1(x))))
            }
            return x
        }
    }

    /// A convolution over time that keeps the length.
    private struct Convolution1D {
        private let weight: Tensor
        private let bias: Tensor?
        private let dilation, padding: Int

        init(_ weights: Weights, from: Int, to: Int, kernel: Int, dilation: Int = 1, bias: Bool = true) throws {
            weight = try weights.tensor("weight", to, from, kernel)
            self.bias = bias ? try weights.tensor("bias", to) : nil
            (self.dilation, padding) = (dilation, dilation * (kernel - 1) / 2)
        }

        func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
            try convolution1D(x, weight: weight, bias: bias, dilation: dilation, padding: padding)
        }
    }

    /// What stands between convolutions.
    private enum Activation {
        case leakyRelu(slope: Double)
        case snake(LTX2Snake, filtered: (up: LTX2WaveFilter, down: LTX2WaveFilter)?)

        init(_ weights: Weights, channels: Int, slope: Double, isFiltered: Bool, _ config: LTX2VocoderConfig) throws {
            guard config.actFn == .snakeBeta else {
                self = .leakyRelu(slope: slope)
                return
            }
            let (kernel, ratio) = (config.antialiasKernelSize, config.antialiasRatio)
            guard isFiltered else {
                self = .snake(try LTX2Snake(weights, channels: channels), filtered: nil)
                return
            }
            self = .snake(
                try LTX2Snake(weights["act"], channels: channels),
                filtered: (
                    LTX2WaveFilter(try weights["upsample"].tensor("filter", 1, 1, kernel), ratio: ratio),
                    LTX2WaveFilter(try weights["downsample"].tensor("filter", 1, 1, kernel), ratio: ratio)
                ))
        }

        /// - Parameter x: `[batch, channels, length]`
        /// - Returns: the same shape
        func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
            switch self {
            case .leakyRelu(let slope): return try Tensors.leakyRelu(x, slope: slope)
            case .snake(let snake, nil): return try snake(x)
            case .snake(let snake, let (up, down)?): return try down.coarser(snake(up.finer(x)))
            }
        }
    }
}
