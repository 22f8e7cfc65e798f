internal import Foundation
package import Tensors

/// Cosines, then sines, of a timestep at frequencies from 1 down to nearly 1 / 10000.
///
/// - Parameters:
///   - timesteps: one for each item of the batch, as the model was trained with (0 to 1000)
///   - width: how many numbers each becomes; even
///   - scale: what the angles are multiplied by
///   - device: where they go
/// - Returns: `[batch, width]` in 32-bit floats: a timestep rounded to 16 bits moves the image visibly
// Source: diffusers 0.42.1, models/embeddings.py, `get_timestep_embedding` with flip_sin_to_cos.
package func timestepSinusoids(_ timesteps: [Float], width: Int, scale: Float = 1, on device: Device)
    throws(TensorError)
    -> Tensor
{
    let half = width / 2
    // Rounded to 32 bits where the reference does. LibTorch's exp differs between processors in the last place, and a
    // thousand times that is an angle.
    let frequencies = (0..<half).map { index in
        let exponent = -Float(log(10000.0)) * Float(index) / Float(half)
        return Float(exp(Double(exponent)))
    }
    let sinusoids = timesteps.flatMap { timestep in
        let angles = frequencies.map { Double(scale * (timestep * $0)) }
        return angles.map { Float(cos($0)) } + angles.map { Float(sin($0)) }
    }
    return try Tensor(sinusoids, shape: [timesteps.count, 2 * half]).to(on: device)
}

/// Linear, activation, linear: how sinusoids and prompts come to the width of the blocks.
package struct TimestepEmbedding {
    private let linear1, linear2: Linear
    private let activation: Activation

    /// Reads `linear_1` and `linear_2`.
    ///
    /// - Parameters:
    ///   - weights: the view of this layer
    ///   - from: width of the input
    ///   - to: width of the output
    ///   - activation: between the layers
    ///   - bias: whether the layers have biases
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, from: Int, to: Int, _ activation: Activation = .silu, bias: Bool = true) throws {
        linear1 = try Linear(weights["linear_1"], from: from, to: to, bias: bias, keepsBits: true)
        linear2 = try Linear(weights["linear_2"], from: to, to: to, bias: bias, keepsBits: true)
        self.activation = activation
    }

    /// Applies the layers.
    ///
    /// - Parameter x: `[…, from]`
    /// - Returns: `[…, to]`
    package func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor { try linear2(activation(linear1(x))) }
}
