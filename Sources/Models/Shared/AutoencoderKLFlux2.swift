package import Layers
package import Tensors

/// FLUX.2's autoencoder: FLUX.1's network with 32 channels, and the statistics of its latents' patches.
// Source: diffusers 0.42.1, models/autoencoders/autoencoder_kl_flux2.py.
package struct AutoencoderKLFlux2 {
    /// The component's `config.json`.
    package let config: AutoencoderKLFlux2Config
    private let network: AutoencoderKL
    /// Of each number of a patch, `[4 · latentChannels]`, in 32-bit floats whatever the model's type.
    private let mean, deviation: Tensor
    private let dtype: DType

    /// Reads encoder, decoder and statistics.
    ///
    /// - Parameters:
    ///   - weights: the view of the component
    ///   - config: its `config.json`
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, _ config: AutoencoderKLFlux2Config) throws {
        (self.config, dtype) = (config, weights.plan.dtype)
        network = try AutoencoderKL(weights, config.network, decoder: config.decoderNetwork)
        let statistics = weights["bn"].computing(in: .float32)
        statistics.disregard("num_batches_tracked")
        mean = try statistics.tensor("running_mean", 4 * config.latentChannels)
        deviation = try sqrt(statistics.tensor("running_var", 4 * config.latentChannels) + config.batchNormEps)
    }

    /// The latents of an image as the denoiser sees them: the mean of their distribution, normalised patch by patch.
    ///
    /// - Parameters:
    ///   - pixels: from -1 to 1, `[batch, 3, height, width]`
    ///   - grid: the latents' patches
    /// - Returns: `[batch, tokens, 4 · latentChannels]`, in 32-bit floats
    package func tokens(of pixels: Tensor, _ grid: PatchGrid) throws(TensorError) -> Tensor {
        try (network.tokens(of: pixels, grid) - mean) / deviation
    }

    /// The latents that the network decodes.
    ///
    /// - Parameters:
    ///   - patches: as the denoiser sees them, `[batch, tokens, 4 · latentChannels]`, in 32-bit floats
    ///   - grid: the latents' patches
    /// - Returns: `[batch, latentChannels, height, width]`
    package func latents(_ patches: Tensor, _ grid: PatchGrid) throws(TensorError) -> Tensor {
        try grid.latents(patches * deviation + mean).squeezed(2)
    }

    /// - Parameter latents: `[batch, latentChannels, height, width]`
    /// - Returns: the image, from about -1 to 1, `[batch, 3, height · scaleFactor, width · scaleFactor]`
    package func decode(_ latents: Tensor) throws(TensorError) -> Tensor { try network.decode(latents.to(dtype)) }
}

extension AutoencoderKLFlux2: ImageAutoencoder {
    func pixels(of tokens: Tensor, _ grid: PatchGrid) throws(TensorError) -> Tensor {
        try decode(latents(tokens, grid))
    }
}
