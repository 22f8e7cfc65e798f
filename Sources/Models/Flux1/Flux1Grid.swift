internal import Diffusion
internal import Layers
internal import Tensors

extension Flux1 {
    /// An image as the denoiser sees it: a grid of tokens, each of two by two latents.
    struct Grid {
        /// Tokens from top to bottom and from left to right.
        let rows, columns: Int

        /// - Parameters:
        ///   - rows: tokens from top to bottom
        ///   - columns: tokens from left to right
        init(rows: Int, columns: Int) { (self.rows, self.columns) = (rows, columns) }

        /// The grid of a request's image.
        ///
        /// - Parameters:
        ///   - request: a resolved request
        ///   - scaleFactor: pixels of a latent
        init(_ request: GenerationRequest, scaleFactor: Int) {
            self.init(
                rows: (request.height ?? 0) / (2 * scaleFactor), columns: (request.width ?? 0) / (2 * scaleFactor))
        }

        /// Latents as tokens: `[batch, channels, 2 · rows, 2 · columns]` to `[batch, rows · columns, 4 · channels]`.
        func packed(_ latents: Tensor) throws(TensorError) -> Tensor {
            let (batch, channels) = (latents.size(0), latents.size(1))
            return try latents.reshaped(batch, channels, rows, 2, columns, 2).permuted(0, 2, 4, 1, 3, 5)
                .reshaped(batch, rows * columns, 4 * channels)
        }

        /// Tokens as latents: the inverse of ``packed(_:)``.
        func unpacked(_ tokens: Tensor) throws(TensorError) -> Tensor {
            let (batch, channels) = (tokens.size(0), tokens.size(2) / 4)
            return try tokens.reshaped(batch, rows, columns, channels, 2, 2).permuted(0, 3, 1, 4, 2, 5)
                .reshaped(batch, channels, 2 * rows, 2 * columns)
        }

        /// The rotary tables of text, which has no position, and image.
        func rotary(textTokens: Int, widths: [Int], on device: Device) throws(TensorError) -> RotaryEmbedding {
            var positions = [[Double]](repeating: [0, 0, 0], count: textTokens)
            for row in 0..<rows {
                for column in 0..<columns { positions.append([0, Double(row), Double(column)]) }
            }
            return try RotaryEmbedding(positions: positions, widths: widths, base: 10000, on: device)
        }
    }
}
