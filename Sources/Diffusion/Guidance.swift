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

    /// A branch that the result is led away from.
    package struct Term: Sendable, Equatable {
        package let branch: Branch
        package let scale: Double

        package init(branch: Branch, scale: Double) { (self.branch, self.scale) = (branch, scale) }
    }

    /// Besides the positive branch, in the order of the predictions.
    package let terms: [Term]
    package let space: Space

    /// - Parameters:
    ///   - terms: the branches besides the positive one; a negative one comes first
    ///   - space: what is combined
    package init(_ terms: [Term] = [], in space: Space = .prediction) { (self.terms, self.space) = (terms, space) }

    /// Classifier-free guidance: from the prediction of the negative prompt, past the one of the prompt.
    ///
    /// - Parameter scale: 1 keeps the prompt's; nil asks for no negative prompt
    /// - Returns: the guidance
    package static func classifierFree(_ scale: Double?) -> Guidance {
        Guidance(scale.map { [Term(branch: .negative, scale: $0)] } ?? [])
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
        var values: [Tensor] = []
        if terms.isEmpty { return try predictions[0].to(.float32) }
        for prediction in predictions {
            let prediction = try prediction.to(.float32)
            values.append(space == .prediction ? prediction : try latents - prediction * sigma)
        }
        let positive = values[0]
        var result = positive
        for (term, other) in zip(terms, values.dropFirst()) {
            result =
                switch term.branch {
                case .negative: try other + (positive - other) * term.scale
                default: try result + (positive - other) * term.scale
                }
        }
        return space == .prediction ? result : try (latents - result) / sigma
    }
}
