package import Layers
package import Tensors

/// The autoencoder between spectrograms and latents of LTX-2's sound.
// Source: diffusers 0.42.1, models/autoencoders/autoencoder_kl_ltx2_audio.py.
package struct AutoencoderKLLTX2Audio {
    /// The component's `config.json`.
    package let config: AutoencoderKLLTX2AudioConfig
    private let encoder: Encoder
    private let decoder: Decoder
    /// Of every channel and bin of the latents, in 32-bit floats.
    private let mean, deviation: Tensor
    private let dtype: DType

    /// Reads encoder, decoder, and the latents' means and deviations.
    ///
    /// - Parameters:
    ///   - weights: the view of the component
    ///   - config: its `config.json`
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, _ config: AutoencoderKLLTX2AudioConfig) throws {
        self.config = config
        dtype = weights.plan.dtype
        encoder = try Encoder(weights["encoder"], config)
        decoder = try Decoder(weights["decoder"], config)
        let wide = weights.computing(in: .float32)
        mean = try wide.tensor("latents_mean", config.baseChannels)
        deviation = try wide.tensor("latents_std", config.baseChannels)
    }

    /// The distribution of a spectrogram's latents, before they are normalised.
    ///
    /// - Parameter spectrogram: `[batch, channels, frames, bins]`
    /// - Returns: mean and logarithm of the variance (clamped to -30…20), each
    ///   `[batch, latentChannels, (frames - 1) / 4 + 1, bins / 4]`
    package func encode(_ spectrogram: Tensor) throws(TensorError) -> (mean: Tensor, logVariance: Tensor) {
        let moments = try encoder(spectrogram.to(dtype).permuted(0, 2, 3, 1).contiguous()).permuted(0, 3, 1, 2)
        let parts = try moments.chunks(2, axis: 1)
        return (try parts[0].contiguous(), try parts[1].clamped(-30, 20))
    }

    /// The spectrogram of latents as ``encode(_:)`` gives them.
    ///
    /// - Parameter latents: `[batch, latentChannels, latentFrames, latentBins]`
    /// - Returns: `[batch, channels, 4 · latentFrames - 3, bins]`
    package func decode(_ latents: Tensor) throws(TensorError) -> Tensor {
        let spectrogram = try decoder(latents.to(dtype).permuted(0, 2, 3, 1).contiguous())
        let frames = config.frames(latents: latents.size(2))
        return try spectrogram.permuted(0, 3, 1, 2).fitted(frames, axis: 2)
            .fitted(config.melBins ?? latents.size(3), axis: 3).contiguous()
    }

    /// The spectrogram of normalised latents, as the denoiser sees them.
    ///
    /// - Parameter tokens: `[batch, latentFrames, latentChannels · latentBins]`, in 32-bit floats whatever the model's type
    /// - Returns: `[batch, channels, 4 · latentFrames - 3, bins]`
    package func decode(normalised tokens: Tensor) throws(TensorError) -> Tensor {
        try decode(config.latents(of: denormalised(tokens)))
    }

    /// Tokens as the denoiser sees them: every number less its mean, divided by its deviation.
    ///
    /// - Parameter tokens: `[batch, latentFrames, latentChannels · latentBins]`
    /// - Returns: the same shape, in 32-bit floats
    package func normalised(_ tokens: Tensor) throws(TensorError) -> Tensor {
        try (tokens.to(.float32) - mean) / deviation
    }

    /// The inverse of ``normalised(_:)``.
    ///
    /// - Parameter tokens: `[batch, latentFrames, latentChannels · latentBins]`
    /// - Returns: the same shape, in 32-bit floats
    package func denormalised(_ tokens: Tensor) throws(TensorError) -> Tensor {
        try tokens.to(.float32) * deviation + mean
    }
}

extension Tensor {
    /// An axis cut, or lengthened with zeros, to a length.
    ///
    /// - Parameters:
    ///   - length: the new one
    ///   - axis: 2 or 3, of four
    /// - Returns: a view or a copy
    fileprivate func fitted(_ length: Int, axis: Int) throws(TensorError) -> Tensor {
        let missing = length - size(axis)
        if missing < 0 { return try slice(0..<length, axis: axis) }
        return missing == 0 ? self : try axis == 3 ? padded(0, missing) : padded(0, 0, 0, missing)
    }
}
