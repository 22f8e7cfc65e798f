internal import Foundation
package import Layers
package import Tensors

extension QwenImage.TransformerConfig {
    /// The rotary tables of the text, of the image's tokens and of those of reference images; the angles are rounded to
    /// 32 bits as the reference's are.
    ///
    /// Each image has a place in time of its own. Rows and columns are counted from an image's middle, and the text lies
    /// beyond the edges of all images on all axes.
    ///
    /// - Parameters:
    ///   - textTokens: how many tokens of text come first
    ///   - grids: of the image, then of each reference
    ///   - device: where the tables go
    /// - Returns: `[textTokens + tokens, headWidth / 2]`
    package func rotary(textTokens: Int, _ grids: [PatchGrid], on device: Device) throws(TensorError) -> RotaryEmbedding
    {
        let edge = grids.map { max($0.rows / 2, $0.columns / 2) }.max() ?? 0
        var positions = (0..<textTokens).map { [edge + $0, edge + $0, edge + $0] }
        for (number, grid) in grids.enumerated() {
            let (top, left) = (grid.rows - grid.rows / 2, grid.columns - grid.columns / 2)
            for row in 0..<grid.rows {
                for column in 0..<grid.columns { positions.append([number, row - top, column - left]) }
            }
        }
        let frequencies = axesDimsRope.map { width in
            stride(from: 0, to: width, by: 2).map { 1 / Float(pow(10_000, Double(Float($0) / Float(width)))) }
        }
        return try RotaryEmbedding(positions: positions, on: device) { axis, place in
            frequencies[axis].map { Double(Float(place) * $0) }
        }
    }
}
