package import Layers
package import Tensors

extension Flux2.TransformerConfig {
    /// The rotary tables of the text, the image's tokens and those of reference images.
    ///
    /// The four axes are time, row, column and place in the text: the image lies at time 0, reference images at 10, 20, …
    ///
    /// - Parameters:
    ///   - textTokens: how many tokens of text come first
    ///   - grids: of the image, then of each reference
    ///   - device: where the tables go
    /// - Returns: `[textTokens + tokens, headWidth / 2]`
    package func rotary(textTokens: Int, _ grids: [PatchGrid], on device: Device) throws(TensorError) -> RotaryEmbedding
    {
        var positions = (0..<textTokens).map { [0, 0, 0, Double($0)] }
        for (number, grid) in grids.enumerated() {
            for row in 0..<grid.rows {
                for column in 0..<grid.columns {
                    positions.append([10 * Double(number), Double(row), Double(column), 0])
                }
            }
        }
        return try RotaryEmbedding(positions: positions, widths: axesDimsRope, base: ropeTheta, on: device)
    }
}
