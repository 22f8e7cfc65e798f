internal import Foundation
internal import Layers
internal import Tensors

/// How a head's pairs turn with the position of their token, or with several coordinates of it.
// Source: huggingface/transformers 5.23.0, models/qwen2_5_vl/modeling_qwen2_5_vl.py and
// models/qwen3_vl/modeling_qwen3_vl.py, the rotary embeddings, and modeling_rope_utils.py.
package struct LanguageModelRotary: Sendable, Hashable {
    /// The longest wavelength, in tokens.
    package let base: Double
    package let headWidth: Int
    /// What positions are divided by.
    package var factor = 1.0
    /// How many pairs turn with time, row and column; nil if all turn with the one position.
    package var sections: [Int]?
    /// Whether the pairs of row and column alternate with those of time; else they follow each other.
    package var isInterleaved = false

    package init(base: Double, headWidth: Int) { (self.base, self.headWidth) = (base, headWidth) }

    /// - Parameters:
    ///   - parameters: the config's, if it has them
    ///   - base: the longest wavelength where they name none
    ///   - headWidth: numbers of a head
    init(_ parameters: RopeParameters?, base: Double, headWidth: Int) {
        self.init(base: parameters?.ropeTheta ?? base, headWidth: headWidth)
        (factor, sections) = (parameters?.factor ?? 1, parameters?.mropeSection)
        isInterleaved = parameters?.mropeInterleaved ?? false
    }

    /// Which coordinate a pair turns with.
    func axis(of pair: Int) -> Int {
        guard let sections else { return 0 }
        if isInterleaved { return pair % 3 > 0 && pair < 3 * sections[pair % 3] ? pair % 3 : 0 }
        return pair < sections[0] ? 0 : pair < sections[0] + sections[1] ? 1 : 2
    }

    /// How far each pair turns from one position to the next.
    var frequencies: [Float] {
        (0..<headWidth / 2).map { pair in
            let exponent = Float(2 * pair) / Float(headWidth)
            return 1 / Float(pow(base, Double(exponent))) / Float(factor)
        }
    }

    /// The tables of angles; the angles are rounded to 32 bits as the reference's are.
    ///
    /// - Parameters:
    ///   - positions: of each token its one position, or time, row and column
    ///   - device: where the tables go
    /// - Returns: cosines and sines, `[tokens, headWidth / 2]`
    func tables(_ positions: [[Int]], on device: Device) throws(TensorError) -> RotaryEmbedding {
        let frequencies = frequencies
        let axes = frequencies.indices.map(axis)
        let angles = positions.flatMap { position in
            zip(axes, frequencies).map { Double(Float(position[position.count == 1 ? 0 : $0]) * $1) }
        }
        let shape = [positions.count, headWidth / 2]
        return RotaryEmbedding(
            cosine: try Tensor(angles.map { Float(cos($0)) }, shape: shape, on: device),
            sine: try Tensor(angles.map { Float(sin($0)) }, shape: shape, on: device))
    }
}
