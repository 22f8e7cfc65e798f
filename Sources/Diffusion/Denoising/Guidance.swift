package import Tensors

/// How the predictions of one step, each for another input, become one.
package struct Guidance: Sendable, Equatable {
    /// What a prediction is made from.
    package enum Branch: String, Sendable {
        /// The prompt.
        case positive
        /// The negative prompt.
        case negative
        /// The prompt, with some attention left out (spatio-temporal guidance).
        case perturbed
        /// The prompt, with image and sound kept apart (modality guidance).
        case isolated
    }

    /// What is combined.
    package enum Space: Sendable {
        /// The predictions themselves.
        case prediction
        /// The clean latents that flow predictions speak of.
        case denoised
    }

    /// What of the prompt's prediction the result keeps.
    package enum Keeping: Sendable {
        case nothing
        /// The length of each token: the norm over the last axis.
        case lengthOfTokens
    }

    /// How far past the negative prompt's prediction: 1 keeps the prompt's; nil asks for no negative prompt.
    package let negative: Double?
    /// How far away from the perturbed and the isolated prediction; nil asks for none.
    package let perturbed, isolated: Double?
    package let space: Space
    package let keeping: Keeping
    /// How far the spread of the result is brought back to that of the prompt's, from 0 to 1.
    package let rescale: Double

    /// - Parameters:
    ///   - negative: how far past the negative prompt's prediction (classifier-free guidance)
    ///   - perturbed: how far away from the perturbed prediction
    ///   - isolated: how far away from the isolated prediction
    ///   - space: what is combined
    ///   - keeping: what of the prompt's prediction the result keeps
    ///   - rescale: how far the spread of the result is brought back to that of the prompt's, from 0 to 1
    package init(
        negative: Double? = nil, perturbed: Double? = nil, isolated: Double? = nil, in space: Space = .prediction,
        keeping: Keeping = .nothing, rescale: Double = 0
    ) {
        (self.negative, self.perturbed, self.isolated, self.space) = (negative, perturbed, isolated, space)
        (self.keeping, self.rescale) = (keeping, rescale)
    }

    /// The branches besides the positive one, each with its scale.
    private var terms: [(branch: Branch, scale: Double)] {
        let scales: KeyValuePairs = [Branch.negative: negative, .perturbed: perturbed, .isolated: isolated]
        return scales.compactMap { branch, scale in scale.map { (branch, $0) } }
    }

    /// The branches that a step needs predictions of, in this order.
    package var branches: [Branch] { [.positive] + terms.map(\.branch) }

    /// Combines the predictions of one step.
    ///
    /// - Parameters:
    ///   - predictions: one for each of ``branches``, of any type
    ///   - latents: what they were made from
    ///   - sigma: how much noise is in the latents
    /// - Returns: the guided prediction, in 32-bit floats
    package func callAsFunction(_ predictions: [Tensor], latents: Tensor, sigma: Double) throws(TensorError) -> Tensor {
        let predictions = try predictions.map { prediction throws(TensorError) in try prediction.to(.float32) }
        guard space == .denoised, predictions.count > 1 else { return try combined(predictions) }
        let clean = try predictions.map { prediction throws(TensorError) in try latents - prediction * sigma }
        return try (latents - combined(clean)) / sigma
    }

    private func combined(_ values: [Tensor]) throws(TensorError) -> Tensor {
        let positive = values[0]
        var result = positive
        for (term, other) in zip(terms, values.dropFirst()) {
            // Classifier-free guidance counts from the negative prediction, the others from what there is so far.
            result = try (term.branch == .negative ? other : result) + (positive - other) * term.scale
        }
        guard values.count > 1 else { return result }
        if keeping == .lengthOfTokens { result = try result * (positive.lengths() / result.lengths()) }
        guard rescale > 0 else { return result }
        // Source: Common Diffusion Noise Schedules and Sample Steps are Flawed, arXiv 2305.08891, section 3.4.
        return try result * (positive.deviation() / result.deviation()) * rescale + result * (1 - rescale)
    }
}

extension Tensor {
    /// The norms over the last axis, which stays with length 1.
    fileprivate func lengths() throws(TensorError) -> Tensor { try sqrt((self * self).sum(over: -1)) }

    /// The standard deviation of each item, as of a sample; all axes but the first stay with length 1.
    fileprivate func deviation() throws(TensorError) -> Tensor {
        let (rows, count) = (try reshaped(size(0), -1), shape.dropFirst().reduce(1, *))
        let centred = try rows - rows.mean(over: 1).reshaped(size(0), 1)
        let variance = try (centred * centred).sum(over: 1) * (1 / Double(count > 1 ? count - 1 : 1))
        return try sqrt(variance).reshaped([size(0)] + shape.dropFirst().map { _ in 1 })
    }
}
