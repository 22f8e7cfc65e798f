package import Layers
package import Tensors

/// The autoencoder between images and latents.
// Source: diffusers 0.42.1, models/autoencoders/autoencoder_kl.py and vae.py.
package struct AutoencoderKL {
    /// The component's `config.json`.
    package let config: AutoencoderKLConfig
    private let encoder: KLEncoder
    private let decoder: KLDecoder
    private let quantConvolution, postQuantConvolution: Convolution2D?
    private let dtype: DType
    private let context: ComputeContext

    /// Reads encoder and decoder.
    ///
    /// - Parameters:
    ///   - weights: the view of the component
    ///   - config: its `config.json`
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, _ config: AutoencoderKLConfig) throws {
        try self.init(weights, config, decoder: config)
    }

    /// - Parameter decoding: the decoder's config, whose widths may be others
    init(_ weights: Weights, _ config: AutoencoderKLConfig, decoder decoding: AutoencoderKLConfig) throws {
        self.config = config
        (dtype, context) = (weights.plan.dtype, weights.context)
        let latent = config.latentChannels
        encoder = try KLEncoder(weights["encoder"], config)
        decoder = try KLDecoder(weights["decoder"], decoding)
        quantConvolution =
            config.useQuantConv
            ? try Convolution2D(weights["quant_conv"], from: 2 * latent, to: 2 * latent, kernel: 1) : nil
        postQuantConvolution =
            config.usePostQuantConv
            ? try Convolution2D(weights["post_quant_conv"], from: latent, to: latent, kernel: 1) : nil
    }

    /// The distribution of an image's latents, before scaling and shifting.
    ///
    /// - Parameter pixels: from -1 to 1, `[batch, 3, height, width]`
    /// - Returns: mean and logarithm of the variance (clamped to -30…20), each
    ///   `[batch, latentChannels, height / scaleFactor, width / scaleFactor]`
    package func encode(_ pixels: Tensor) throws(TensorError) -> (mean: Tensor, logVariance: Tensor) {
        var moments = try encoder(pixels)
        if let quantConvolution { moments = try quantConvolution(moments) }
        let parts = try moments.chunks(2, axis: 1)
        return (parts[0], try parts[1].clamped(-30, 20))
    }

    /// The image of latents that were scaled and shifted as the denoiser sees them.
    ///
    /// - Parameter latents: `[batch, latentChannels, height, width]`, in 32-bit floats whatever the model's type
    /// - Returns: from about -1 to 1, `[batch, 3, height · scaleFactor, width · scaleFactor]`
    package func decode(scaled latents: Tensor) throws(TensorError) -> Tensor {
        try decode((latents / config.scalingFactor + (config.shiftFactor ?? 0)).to(dtype))
    }

    /// The image of latents as ``encode(_:)`` gives them; ranks that decode together all get the whole.
    ///
    /// - Parameter latents: `[batch, latentChannels, height, width]`
    /// - Returns: from about -1 to 1, `[batch, 3, height · scaleFactor, width · scaleFactor]`
    package func decode(_ latents: Tensor) throws(TensorError) -> Tensor {
        try context.inStrips(of: latents) { picture throws(TensorError) in
            let image = try decoder(postQuantConvolution?(latents) ?? latents)
            return try picture?.joined(image, scale: config.scaleFactor) ?? image
        }
    }
}

extension AutoencoderKL: ImageAutoencoder {
    /// The mean of the image's latents, shifted and scaled.
    func tokens(of pixels: Tensor, _ grid: PatchGrid) throws(TensorError) -> Tensor {
        let latents = try encode(pixels.to(dtype)).mean.to(.float32)
        return try grid.patches(((latents - (config.shiftFactor ?? 0)) * config.scalingFactor).unsqueezed(2))
    }

    func pixels(of tokens: Tensor, _ grid: PatchGrid) throws(TensorError) -> Tensor {
        try decode(scaled: grid.latents(tokens).squeezed(2))
    }
}

/// Pixels to moments: levels of residual blocks, each but the last halving the size.
struct KLEncoder {
    private let convolutionIn, convolutionOut: Convolution2D
    private let levels: [KLLevel]
    private let middle: KLMiddle
    private let normOut: GroupNorm

    init(_ weights: Weights, _ config: AutoencoderKLConfig) throws {
        let channels = config.blockOutChannels
        convolutionIn = try Convolution2D(
            weights["conv_in"], from: config.inChannels, to: channels[0], kernel: 3, padding: 1)
        levels = try channels.indices.map { index in
            try KLLevel(
                weights["down_blocks"][index], from: channels[max(index - 1, 0)], to: channels[index],
                layers: config.layersPerBlock, resize: index == channels.count - 1 ? nil : .down, config)
        }
        let last = channels[channels.count - 1]
        middle = try KLMiddle(weights["mid_block"], channels: last, config)
        normOut = try GroupNorm(
            weights["conv_norm_out"], groups: config.normNumGroups, channels: last, epsilon: 1e-6)
        convolutionOut = try Convolution2D(
            weights["conv_out"], from: last, to: 2 * config.latentChannels, kernel: 3, padding: 1)
    }

    func callAsFunction(_ pixels: Tensor) throws(TensorError) -> Tensor {
        var x = try convolutionIn(pixels)
        for level in levels { x = try level(x) }
        return try convolutionOut(normOut(middle(x), then: .silu))
    }
}

/// Latents to pixels: levels of residual blocks, each but the last doubling the size.
struct KLDecoder {
    private let convolutionIn, convolutionOut: Convolution2D
    private let middle: KLMiddle
    private let levels: [KLLevel]
    private let normOut: GroupNorm
    private let stages: [DecodingStage]
    private let context: ComputeContext

    init(_ weights: Weights, _ config: AutoencoderKLConfig) throws {
        (stages, context) = (config.decodingStages, weights.context)
        let channels = Array(config.blockOutChannels.reversed())
        convolutionIn = try Convolution2D(
            weights["conv_in"], from: config.latentChannels, to: channels[0], kernel: 3, padding: 1)
        middle = try KLMiddle(weights["mid_block"], channels: channels[0], config)
        levels = try channels.indices.map { index in
            try KLLevel(
                weights["up_blocks"][index], from: channels[max(index - 1, 0)], to: channels[index],
                layers: config.layersPerBlock + 1, resize: index == channels.count - 1 ? nil : .up, config,
                scale: 1 << index)
        }
        let last = channels[channels.count - 1]
        normOut = try GroupNorm(
            weights["conv_norm_out"], groups: config.normNumGroups, channels: last, epsilon: 1e-6,
            scale: config.scaleFactor)
        convolutionOut = try Convolution2D(
            weights["conv_out"], from: last, to: config.outChannels, kernel: 3, padding: 1)
    }

    func callAsFunction(_ latents: Tensor) throws(TensorError) -> Tensor {
        var x = try middle(convolutionIn(context.narrowed(latents, to: stages[0])))
        x = try context.narrowed(x, to: stages[1])
        for (index, level) in levels.enumerated() {
            x = try level.blocks(x)
            guard index + 2 < stages.count else { break }
            x = try level.resized(context.narrowed(x, to: stages[index + 2].beforeDoubling))
        }
        return try convolutionOut(normOut(x, then: .silu))
    }
}
