package import Layers
package import Tensors

/// Latents as a denoiser sees them: a grid of tokens, each a patch of latents.
///
/// An image is a video of one frame.
package struct PatchGrid: Equatable, Sendable {
    /// Tokens along time, from top to bottom and from left to right.
    package let frames, rows, columns: Int
    /// Latents of a patch along the same axes.
    private let patch: [Int]

    /// - Parameters:
    ///   - latents: how many there are along time, from top to bottom and from left to right; those that fill no patch at
    ///     the end of an axis are left out
    ///   - patch: latents of a patch along the same axes
    package init(_ latents: [Int], patch: [Int]) {
        self.patch = patch
        (frames, rows, columns) = (latents[0] / patch[0], latents[1] / patch[1], latents[2] / patch[2])
    }

    /// How many tokens there are.
    package var tokens: Int { frames * rows * columns }

    /// The rotary tables of text, which has no position, and of the tokens.
    ///
    /// - Parameters:
    ///   - textTokens: how many tokens of text come before those of the grid
    ///   - widths: channels of a head that turn with each axis
    ///   - device: where they go
    /// - Returns: the tables, `[textTokens + tokens, headWidth / 2]`
    package func rotary(after textTokens: Int = 0, widths: [Int], on device: Device) throws(TensorError)
        -> RotaryEmbedding
    {
        var positions = [[Double]](repeating: [0, 0, 0], count: textTokens)
        for frame in 0..<frames {
            for row in 0..<rows {
                for column in 0..<columns { positions.append([Double(frame), Double(row), Double(column)]) }
            }
        }
        return try RotaryEmbedding(positions: positions, widths: widths, base: 10000, on: device)
    }

    /// `[batch, channels, frames, height, width]` to `[batch, tokens, channels · patch]`.
    func patches(_ latents: Tensor) throws(TensorError) -> Tensor {
        try patches(latents, [0, 2, 4, 6, 1, 3, 5, 7])
    }

    /// `[batch, channels, frames, height, width]` to `[batch, tokens, patch · channels]`.
    func patches(channelsLast latents: Tensor) throws(TensorError) -> Tensor {
        try patches(latents, [0, 2, 4, 6, 3, 5, 7, 1])
    }

    private func patches(_ latents: Tensor, _ order: [Int]) throws(TensorError) -> Tensor {
        let (batch, channels) = (latents.size(0), latents.size(1))
        return try latents.slice(0..<frames * patch[0], axis: 2).slice(0..<rows * patch[1], axis: 3)
            .slice(0..<columns * patch[2], axis: 4)
            .reshaped(batch, channels, frames, patch[0], rows, patch[1], columns, patch[2])
            .permuted(order).reshaped(batch, tokens, channels * patch.reduce(1, *))
    }

    /// `[batch, tokens, channels · patch]` to `[batch, channels, frames, height, width]`.
    func latents(_ patches: Tensor) throws(TensorError) -> Tensor {
        try latents(patches.reshaped([patches.size(0), frames, rows, columns, -1] + patch), channels: 4)
    }

    /// `[batch, tokens, patch · channels]` to `[batch, channels, frames, height, width]`.
    func latents(channelsLast patches: Tensor) throws(TensorError) -> Tensor {
        try latents(patches.reshaped([patches.size(0), frames, rows, columns] + patch + [-1]), channels: 7)
    }

    private func latents(_ x: Tensor, channels axis: Int) throws(TensorError) -> Tensor {
        let first = axis == 4 ? 5 : 4
        return try x.permuted(0, axis, 1, first, 2, first + 1, 3, first + 2)
            .reshaped(x.size(0), -1, frames * patch[0], rows * patch[1], columns * patch[2])
    }
}
