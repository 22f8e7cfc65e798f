package import Layers
package import Tensors

/// Larger latents of smaller ones, before they are normalised: residual blocks, a step to more rows, columns or frames, and
/// residual blocks.
///
/// Its norms see all frames at once.
// Source: diffusers 0.42.1, pipelines/ltx2/latent_upsampler.py and pipeline_ltx2_latent_upsample.py.
package struct LTX2LatentUpsampler {
    /// The component's `config.json`.
    package let config: LTX2LatentUpsamplerConfig
    private let convolutionIn, convolutionOut: Convolution3D
    private let normIn: FrameGroupNorm
    private let before, after: [ResidualBlock]
    private let step: Step
    private let dtype: DType

    /// Reads the network.
    ///
    /// - Parameters:
    ///   - weights: the view of the component
    ///   - config: its `config.json`
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, _ config: LTX2LatentUpsamplerConfig) throws {
        self.config = config
        dtype = weights.plan.dtype
        let width = config.midChannels
        convolutionIn = try Convolution3D(weights["initial_conv"], from: config.inChannels, to: width)
        normIn = try FrameGroupNorm(weights["initial_norm"], channels: width)
        func blocks(_ name: String) throws -> [ResidualBlock] {
            try (0..<config.numBlocksPerStage).map { try ResidualBlock(weights[name][$0], channels: width) }
        }
        before = try blocks("res_blocks")
        step = try Step(weights["upsampler"], config)
        after = try blocks("post_upsample_res_blocks")
        convolutionOut = try Convolution3D(weights["final_conv"], from: width, to: config.inChannels)
    }

    /// Upsamples.
    ///
    /// - Parameter latents: as the autoencoder gives them, `[batch, inChannels, frames, height, width]`
    /// - Returns: the same of ``LTX2LatentUpsamplerConfig/enlarged(_:)``
    package func callAsFunction(_ latents: Tensor) throws(TensorError) -> Tensor {
        var x = try latents.to(dtype).permuted(0, 2, 3, 4, 1).contiguous()
        x = try normIn(convolutionIn.betweenZeros(x), isActivated: true)
        for block in before { x = try block(x) }
        x = try step(x)
        for block in after { x = try block(x) }
        return try convolutionOut.betweenZeros(x).permuted(0, 4, 1, 2, 3).contiguous()
    }

    /// Latents with the mean and the deviation that each channel of others has.
    ///
    /// - Parameters:
    ///   - latents: `[batch, channels, frames, height, width]`
    ///   - reference: of any size
    ///   - factor: 1 for those alone, 0 for the latents' own
    /// - Returns: the shape of `latents`
    package static func adain(_ latents: Tensor, to reference: Tensor, factor: Double) throws(TensorError) -> Tensor {
        let (mean, deviation) = try moments(latents)
        let (wantedMean, wantedDeviation) = try moments(reference)
        let moved = try (latents - mean) / deviation * wantedDeviation + wantedMean
        return try latents + (moved - latents) * factor
    }

    /// Latents whose large numbers are made smaller.
    ///
    /// - Parameters:
    ///   - latents: any shape
    ///   - compression: 0 for not at all, to 1
    /// - Returns: the same shape
    package static func toneMapped(_ latents: Tensor, compression: Double) throws(TensorError) -> Tensor {
        let scale = compression * 0.75
        let share = try 1 / (exp((abs(latents) - 1) * (-4 * scale)) + 1)
        return try latents * (1 - share * (0.8 * scale))
    }

    /// Mean and deviation of every channel of every video, `[batch, channels, 1, 1, 1]`.
    private static func moments(_ x: Tensor) throws(TensorError) -> (mean: Tensor, deviation: Tensor) {
        let mean = try x.mean(over: 2, 3, 4)
        let distance = try x - mean
        let count = x.size(2) * x.size(3) * x.size(4)
        return (mean, try sqrt((distance * distance).sum(over: 2, 3, 4) / Double(max(count - 1, 1))))
    }
}

extension LTX2LatentUpsampler {
    /// Normalisation of groups of channels over all frames, which are `[batch, frames, height, width, channels]`.
    private struct FrameGroupNorm {
        private let norm: GroupNorm

        init(_ weights: Weights, channels: Int) throws {
            norm = try GroupNorm(weights, groups: LTX2LatentUpsamplerConfig.groups, channels: channels, epsilon: 1e-5)
        }

        func callAsFunction(_ x: Tensor, isActivated: Bool = false) throws(TensorError) -> Tensor {
            let image = try x.reshaped(x.size(0), x.size(1) * x.size(2), x.size(3), x.size(4)).permuted(0, 3, 1, 2)
            let normed = isActivated ? try norm(image, then: .silu) : try norm(image)
            return try normed.permuted(0, 2, 3, 1).contiguous().reshaped(x.shape)
        }
    }

    /// Two convolutions, each before a norm; SiLU after the first, and after the sum with the input.
    private struct ResidualBlock {
        private let convolution1, convolution2: Convolution3D
        private let norm1, norm2: FrameGroupNorm

        init(_ weights: Weights, channels: Int) throws {
            convolution1 = try Convolution3D(weights["conv1"], from: channels, to: channels)
            norm1 = try FrameGroupNorm(weights["norm1"], channels: channels)
            convolution2 = try Convolution3D(weights["conv2"], from: channels, to: channels)
            norm2 = try FrameGroupNorm(weights["norm2"], channels: channels)
        }

        func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
            let h = try norm1(convolution1.betweenZeros(x), isActivated: true)
            return try silu(x + norm2(convolution2.betweenZeros(h)))
        }
    }

    /// The step to more rows and columns, to more frames, or to both; `[batch, frames, height, width, channels]` too.
    private enum Step {
        case image(Convolution2D, numerator: Int, blur: Blur?)
        case frames(Convolution3D, size: Int)

        init(_ weights: Weights, _ config: LTX2LatentUpsamplerConfig) throws {
            let (width, (numerator, denominator)) = (config.midChannels, config.ratio)
            guard !config.temporalUpsample else {
                let size = config.spatialUpsample ? 2 : 1
                self = .frames(try Convolution3D(weights[0], from: width, to: 2 * size * size * width), size: size)
                return
            }
            let convolution = try Convolution2D(
                config.isRational ? weights["conv"] : weights[0], from: width, to: numerator * numerator * width,
                kernel: 3, padding: 1)
            var blur: Blur?
            if config.isRational { blur = try Blur(weights["blur_down"], stride: denominator) }
            self = .image(convolution, numerator: numerator, blur: denominator > 1 ? blur : nil)
        }

        func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
            switch self {
            case .image(let convolution, let size, let blur):
                let image = try x.reshaped(x.size(0) * x.size(1), x.size(2), x.size(3), x.size(4)).permuted(0, 3, 1, 2)
                let large = try spread(convolution(image).permuted(0, 2, 3, 1).contiguous().unsqueezed(1), 1, size)
                var small = try large.squeezed(1)
                if let blur { small = try blur(small) }
                return try small.reshaped(x.size(0), x.size(1), small.size(1), small.size(2), -1)
            case .frames(let convolution, let size):
                let large = try spread(convolution.betweenZeros(x), 2, size)
                return try large.slice(1..<large.size(1), axis: 1).contiguous()
            }
        }

        /// Channels that become frames, rows and columns.
        private func spread(_ x: Tensor, _ frames: Int, _ size: Int) throws(TensorError) -> Tensor {
            let (batch, count, height, width) = (x.size(0), x.size(1), x.size(2), x.size(3))
            return try x.reshaped(batch, count, height, width, x.size(4) / (frames * size * size), frames, size, size)
                .permuted(0, 1, 5, 2, 6, 3, 7, 4)
                .reshaped(batch, count * frames, height * size, width * size, -1)
        }
    }

    /// Every so many rows and columns of what a small window has blurred.
    private struct Blur {
        private static let kernel = 5
        private let weight: Tensor
        private let stride: Int

        init(_ weights: Weights, stride: Int) throws {
            weight = try weights.tensor("kernel", 1, 1, Self.kernel, Self.kernel)
            self.stride = stride
        }

        /// - Parameter x: `[images, height, width, channels]`
        /// - Returns: the same of a smaller size
        func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
            let (images, channels) = (x.size(0), x.size(3))
            let planes = try x.permuted(0, 3, 1, 2).reshaped(images * channels, 1, x.size(1), x.size(2))
            let small = try convolution2D(
                planes, weight: weight, bias: nil, stride: stride, padding: Self.kernel / 2)
            return try small.reshaped(images, channels, small.size(2), small.size(3)).permuted(0, 2, 3, 1).contiguous()
        }
    }
}

extension Convolution3D {
    /// The convolution of all frames of a video between two of zeros.
    fileprivate func betweenZeros(_ x: Tensor) throws(TensorError) -> Tensor {
        try self(ready: ready(x.padded(0, 0, 0, 0, 0, 0, 1, 1)))
    }
}
