internal import Diffusion
internal import Tensors

extension LTX2 {
    /// The size of the latents of a request: those of the video, and those of the sound.
    struct LatentSize {
        let frames, rows, columns: Int
        /// Latent frames of the sound.
        let length: Int

        /// - Parameters:
        ///   - size: of the video
        ///   - rate: frames a second
        ///   - vae: of the video's autoencoder
        ///   - audioVAE: of the sound's
        init(
            _ size: OutputSize, rate: Double, _ vae: AutoencoderKLLTX2VideoConfig,
            _ audioVAE: AutoencoderKLLTX2AudioConfig
        ) {
            let latents = vae.latentSize(size)
            (frames, rows, columns) = (latents[0], latents[1], latents[2])
            let seconds = Double(size.frames ?? 1) / rate
            // As Python rounds: what is between two numbers becomes the even one.
            let length = (seconds * audioVAE.latentFramesPerSecond).rounded(.toNearestOrEven)
            self.length = Int(min(length, 1e9))
        }

        /// - Parameters:
        ///   - size: of the video
        ///   - rate: frames a second
        ///   - parts: the model's
        init(_ size: OutputSize, rate: Double, _ parts: Parts) {
            self.init(size, rate: rate, parts.vae.config, parts.audioVAE.config)
        }

        /// Tokens of the video.
        var tokens: Int { frames * rows * columns }
        /// Tokens of one frame.
        var frameTokens: Int { rows * columns }

        /// A token for every position: `[batch, channels, frames, rows, columns]` to `[batch, tokens, channels]`.
        func tokens(of latents: Tensor) throws(TensorError) -> Tensor {
            try latents.reshaped(latents.size(0), latents.size(1), -1).permuted(0, 2, 1).contiguous()
        }

        /// The inverse of ``tokens(of:)``.
        func latents(of tokens: Tensor) throws(TensorError) -> Tensor {
            try tokens.permuted(0, 2, 1).reshaped(tokens.size(0), tokens.size(2), -1, rows, columns)
        }
    }
}
