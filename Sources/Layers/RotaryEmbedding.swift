internal import Foundation
package import Tensors

/// The angle tables of a rotary embedding over several position axes.
package struct RotaryEmbedding {
    /// Cosine of each pair's angle, `[tokens, headWidth / 2]`, in 32-bit floats whatever the model's type: at 16 bits
    /// neighbouring positions past 256 share an angle.
    package let cosine: Tensor
    /// Sine of each pair's angle, as `cosine`.
    package let sine: Tensor

    /// Computes the tables in 64-bit floats.
    ///
    /// - Parameters:
    ///   - positions: where each token lies: one row a token, one number an axis
    ///   - widths: how many of a head's channels turn with each axis; even; their sum is the head's width
    ///   - base: the longest wavelength, in tokens
    ///   - device: where the tables go
    /// - Throws: ``TensorError``
    // Source: diffusers 0.42.1, models/embeddings.py, `get_1d_rotary_pos_embed`.
    package init(positions: [[Double]], widths: [Int], base: Double, on device: Device) throws(TensorError) {
        var cosines: [Float] = []
        var sines: [Float] = []
        let frequencies = widths.map { width in
            stride(from: 0, to: width, by: 2).map { 1 / pow(base, Double($0) / Double(width)) }
        }
        for position in positions {
            for (axis, coordinate) in position.enumerated() {
                for frequency in frequencies[axis] {
                    cosines.append(Float(cos(coordinate * frequency)))
                    sines.append(Float(sin(coordinate * frequency)))
                }
            }
        }
        let shape = [positions.count, widths.reduce(0, +) / 2]
        self.init(
            cosine: try Tensor(cosines, shape: shape, on: device), sine: try Tensor(sines, shape: shape, on: device))
    }

    /// - Parameters:
    ///   - cosine: of each pair's angle, `[tokens, headWidth / 2]`
    ///   - sine: of each pair's angle, `[tokens, headWidth / 2]`
    package init(cosine: Tensor, sine: Tensor) { (self.cosine, self.sine) = (cosine, sine) }

    /// Norms every head and turns its interleaved pairs by the angles of its token.
    ///
    /// - Parameters:
    ///   - x: `[batch, tokens, heads, headWidth]`
    ///   - norm: the norm before, over `headWidth`
    /// - Returns: `[batch, tokens, heads, headWidth]`
    /// - Throws: ``TensorError``
    package func applied(to x: Tensor, after norm: RMSNorm) throws(TensorError) -> Tensor {
        try rmsNormRotary(x, weight: norm.weight, cosine: cosine, sine: sine, epsilon: norm.epsilon)
    }

    /// Norms all heads of a token together and turns their interleaved pairs by the angles of the token.
    ///
    /// - Parameters:
    ///   - x: `[batch, tokens, heads · headWidth]`
    ///   - norm: the norm before, over `heads · headWidth`
    /// - Returns: `[batch, tokens, heads · headWidth]`
    /// - Throws: ``TensorError``
    package func applied(to x: Tensor, afterJoint norm: RMSNorm) throws(TensorError) -> Tensor {
        try jointRMSNormRotary(x, weight: norm.weight, cosine: cosine, sine: sine, epsilon: norm.epsilon)
    }
}
