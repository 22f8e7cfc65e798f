package import Tensors

/// The first tokens of latents that are to become, or stay, what is known already.
package struct HeldTokens {
    /// What they are without noise, `[batch, tokens, channels]`.
    package let clean: Tensor
    /// How strongly they are held: at 1 they stay what they are, at 0 nothing holds them.
    package let strength: Double

    package init(_ clean: Tensor, strength: Double = 1) { (self.clean, self.strength) = (clean, strength) }

    /// Which of all tokens they are.
    var range: Range<Int> { 0..<clean.size(1) }

    /// Predicted velocities, of which those of the held tokens lead so much to what is known: x0 becomes
    /// (1 - strength) · x0 + strength · clean.
    ///
    /// - Parameters:
    ///   - prediction: velocities, `[batch, tokens, channels]`
    ///   - latents: of the same shape
    ///   - sigma: the step's noise level
    /// - Returns: the shape and type of the latents
    // Source: diffusers 0.42.1, pipelines/ltx2/pipeline_ltx2_condition.py. As there and in TensorRT-LLM, x0 is what the
    // step's noise level makes of a velocity; these tokens' own would be (1 - strength) · sigma.
    func pulled(_ prediction: Tensor, at latents: Tensor, sigma: Double) throws(TensorError) -> Tensor {
        let prediction = try prediction.to(latents.dtype)
        let known = try (latents.slice(range, axis: 1) - clean) / sigma
        let own = try prediction.slice(range, axis: 1) * (1 - strength) + known * strength
        return try concatenate([own, prediction.slice(range.upperBound..<latents.size(1), axis: 1)], axis: 1)
    }
}
