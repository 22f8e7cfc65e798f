package import Layers
package import Tensors

extension Wan {
    /// A video as the denoiser sees it: frames, rows and columns of tokens, each a patch of latents.
    package struct Grid: Equatable, Sendable {
        /// Tokens along time, from top to bottom and from left to right.
        package let frames, rows, columns: Int
        /// Latents of a patch along the same axes.
        private let patch: [Int]

        /// The grid of some latents; what fills no patch at the end of an axis is left out.
        ///
        /// - Parameters:
        ///   - frames: latents along time
        ///   - height: latents from top to bottom
        ///   - width: latents from left to right
        ///   - config: the denoiser's
        package init(frames: Int, height: Int, width: Int, _ config: TransformerConfig) {
            patch = config.patchSize
            (self.frames, rows, columns) = (frames / patch[0], height / patch[1], width / patch[2])
        }

        /// How many tokens there are.
        package var tokens: Int { frames * rows * columns }

        /// The rotary tables of the tokens.
        ///
        /// - Parameters:
        ///   - headWidth: channels of a head
        ///   - device: where they go
        /// - Returns: the tables, `[tokens, headWidth / 2]`
        package func rotary(headWidth: Int, on device: Device) throws(TensorError) -> RotaryEmbedding {
            var positions: [[Double]] = []
            positions.reserveCapacity(tokens)
            for frame in 0..<frames {
                for row in 0..<rows {
                    for column in 0..<columns { positions.append([Double(frame), Double(row), Double(column)]) }
                }
            }
            let side = 2 * (headWidth / 6)
            return try RotaryEmbedding(
                positions: positions, widths: [headWidth - 2 * side, side, side], base: 10000, on: device)
        }

        /// Latents as patches: `[batch, channels, frames, height, width]` to `[batch, tokens, channels · patch]`.
        func patches(_ latents: Tensor) throws(TensorError) -> Tensor {
            let (batch, channels) = (latents.size(0), latents.size(1))
            return try latents.slice(0..<frames * patch[0], axis: 2).slice(0..<rows * patch[1], axis: 3)
                .slice(0..<columns * patch[2], axis: 4)
                .reshaped(batch, channels, frames, patch[0], rows, patch[1], columns, patch[2])
                .permuted(0, 2, 4, 6, 1, 3, 5, 7).reshaped(batch, tokens, channels * patch.reduce(1, *))
        }

        /// Patches as latents: `[batch, tokens, patch · channels]` to `[batch, channels, frames, height, width]`.
        ///
        /// The channels lie last in a patch that comes out, and first in one that goes in.
        func latents(_ patches: Tensor) throws(TensorError) -> Tensor {
            let batch = patches.size(0)
            return try patches.reshaped(batch, frames, rows, columns, patch[0], patch[1], patch[2], -1)
                .permuted(0, 7, 1, 4, 2, 5, 3, 6)
                .reshaped(batch, -1, frames * patch[0], rows * patch[1], columns * patch[2])
        }
    }
}
