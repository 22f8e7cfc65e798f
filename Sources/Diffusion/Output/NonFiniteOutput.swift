package import Files
internal import Tensors

/// What a model computed is no image: some of its numbers are infinite or undefined.
package enum NonFiniteOutput: BlamedError, Equatable {
    /// The latents after the last step.
    case latents
    /// What the autoencoder made of them.
    case decoded
}

extension NonFiniteOutput: CustomStringConvertible {
    package var blame: Blame { .model }

    package var description: String {
        let place =
            switch self {
            case .latents: "the latents after the last step"
            case .decoded: "the decoded images"
            }
        return "\(place) hold numbers that are not finite, so there is no image: the weights or the scheduler's "
            + "config are damaged, or the type is too narrow for this model (float16 may be; bfloat16 and float32 are not)"
    }
}

extension Tensor {
    /// Makes sure that every number is finite.
    ///
    /// - Parameter failure: what is thrown if one is not
    /// - Throws: ``NonFiniteOutput`` or `TensorError`
    func requireFinite(_ failure: NonFiniteOutput) throws {
        if try !isFinite() { throw failure }
    }
}
