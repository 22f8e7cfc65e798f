internal import Foundation
package import Layers
package import Tensors

extension QwenImage.TransformerConfig {
    /// The rotary tables of the text and of the image's tokens; the angles are rounded to 32 bits as the reference's are.
    ///
    /// Rows and columns are counted from the image's middle, and the text lies beyond its edge on all axes.
    ///
    /// - Parameters:
    ///   - textTokens: how many tokens of text come first
    ///   - grid: the image's tokens
    ///   - device: where the tables go
    /// - Returns: `[textTokens + tokens, headWidth / 2]`
    package func rotary(textTokens: Int, _ grid: PatchGrid, on device: Device) throws(TensorError) -> RotaryEmbedding {
        let edge = max(grid.rows / 2, grid.columns / 2)
        var positions = (0..<textTokens).map { [edge + $0, edge + $0, edge + $0] }
        for row in 0..<grid.rows {
            for column in 0..<grid.columns {
                positions.append([0, row - (grid.rows - grid.rows / 2), column - (grid.columns - grid.columns / 2)])
            }
        }
        let frequencies = axesDimsRope.map { width in
            stride(from: 0, to: width, by: 2).map { 1 / Float(pow(10_000, Double(Float($0) / Float(width)))) }
        }
        let angles = positions.flatMap { position in
            zip(position, frequencies).flatMap { place, frequencies in frequencies.map { Double(Float(place) * $0) } }
        }
        let shape = [positions.count, attentionHeadDim / 2]
        return RotaryEmbedding(
            cosine: try Tensor(angles.map { Float(cos($0)) }, shape: shape, on: device),
            sine: try Tensor(angles.map { Float(sin($0)) }, shape: shape, on: device))
    }
}
