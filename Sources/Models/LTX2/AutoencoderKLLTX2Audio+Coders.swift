internal import Layers
internal import Tensors

// Spectrograms are `[batch, frames, bins, channels]`.

extension AutoencoderKLLTX2Audio {
    /// Spectrograms to moments: levels of residual blocks, each but the last halving frames and bins.
    struct Encoder {
        private let convolutionIn, convolutionOut: CausalConvolution
        private let levels: [(blocks: [ResidualBlock], step: Convolution2D?)]
        private let middle: [ResidualBlock]

        init(_ weights: Weights, _ config: AutoencoderKLLTX2AudioConfig) throws {
            let channels = config.channels
            let last = channels.count - 1
            convolutionIn = try CausalConvolution(weights["conv_in"], from: config.inChannels, to: config.baseChannels)
            levels = try channels.indices.map { index in
                let (level, to) = (weights["down"][index], channels[index])
                let entering = index == 0 ? config.baseChannels : channels[index - 1]
                return (
                    try (0..<config.numResBlocks).map {
                        try ResidualBlock(level["block"][$0], from: $0 == 0 ? entering : to, to: to)
                    },
                    index == last
                        ? nil : try Convolution2D(level["downsample"]["conv"], from: to, to: to, kernel: 3, stride: 2)
                )
            }
            middle = try ["block_1", "block_2"].map {
                try ResidualBlock(weights["mid"][$0], from: channels[last], to: channels[last])
            }
            convolutionOut = try CausalConvolution(
                weights["conv_out"], from: channels[last], to: 2 * config.latentChannels)
        }

        func callAsFunction(_ spectrogram: Tensor) throws(TensorError) -> Tensor {
            var x = try convolutionIn(spectrogram)
            for (blocks, step) in levels {
                for block in blocks { x = try block(x) }
                if let step {
                    x = try step(x.padded(0, 0, 0, 1, 2, 0).permuted(0, 3, 1, 2)).permuted(0, 2, 3, 1).contiguous()
                }
            }
            for block in middle { x = try block(x) }
            return try convolutionOut(activated(x))
        }
    }

    /// Latents to spectrograms: levels of residual blocks, each but the last doubling frames, but the first of all, and bins.
    struct Decoder {
        private let convolutionIn, convolutionOut: CausalConvolution
        private let levels: [(blocks: [ResidualBlock], step: CausalConvolution?)]
        private let middle: [ResidualBlock]

        init(_ weights: Weights, _ config: AutoencoderKLLTX2AudioConfig) throws {
            let channels = config.channels
            let last = channels.count - 1
            convolutionIn = try CausalConvolution(weights["conv_in"], from: config.latentChannels, to: channels[last])
            middle = try ["block_1", "block_2"].map {
                try ResidualBlock(weights["mid"][$0], from: channels[last], to: channels[last])
            }
            levels = try channels.indices.reversed().map { index in
                let (level, to) = (weights["up"][index], channels[index])
                let entering = channels[min(index + 1, last)]
                return (
                    try (0...config.numResBlocks).map {
                        try ResidualBlock(level["block"][$0], from: $0 == 0 ? entering : to, to: to)
                    },
                    index == 0 ? nil : try CausalConvolution(level["upsample"]["conv"], from: to, to: to)
                )
            }
            convolutionOut = try CausalConvolution(weights["conv_out"], from: channels[0], to: config.outputChannels)
        }

        func callAsFunction(_ latents: Tensor) throws(TensorError) -> Tensor {
            var x = try convolutionIn(latents)
            for block in middle { x = try block(x) }
            for (blocks, step) in levels {
                for block in blocks { x = try block(x) }
                guard let step else { continue }
                x = try step(x.repeated(2, axis: 1).repeated(2, axis: 2))
                x = try x.slice(1..<x.size(1), axis: 1).contiguous()
            }
            return try convolutionOut(activated(x))
        }
    }

    /// A convolution of 3 by 3 that sees the frames before a frame, none after it, and bins on both sides.
    struct CausalConvolution {
        private let convolution: Convolution2D

        init(_ weights: Weights, from: Int, to: Int) throws {
            convolution = try Convolution2D(weights["conv"], from: from, to: to, kernel: 3)
        }

        /// - Parameter x: `[batch, frames, bins, from]`
        /// - Returns: `[batch, frames, bins, to]`
        func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
            try convolution(x.padded(0, 0, 1, 1, 2, 0).permuted(0, 3, 1, 2)).permuted(0, 2, 3, 1).contiguous()
        }
    }

    /// Two convolutions, each after a norm and SiLU, added to the input.
    struct ResidualBlock {
        private let convolution1, convolution2: CausalConvolution
        private let shortcut: Linear?

        init(_ weights: Weights, from: Int, to: Int) throws {
            convolution1 = try CausalConvolution(weights["conv1"], from: from, to: to)
            convolution2 = try CausalConvolution(weights["conv2"], from: to, to: to)
            shortcut =
                from == to ? nil : try Linear(weights["nin_shortcut"]["conv"], pointwise: from, to: to, axes: 2)
        }

        /// - Parameter x: `[batch, frames, bins, from]`
        /// - Returns: `[batch, frames, bins, to]`
        func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
            let change = try convolution2(activated(convolution1(activated(x))))
            guard let shortcut else { return try x + change }
            return try shortcut(x) + change
        }
    }
}

/// Every position divided by the root mean square of its channels, and SiLU of it.
private func activated(_ x: Tensor) throws(TensorError) -> Tensor { try silu(rmsNorm(x, epsilon: 1e-6)) }
