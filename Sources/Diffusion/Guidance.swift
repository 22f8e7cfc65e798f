package import Tensors

/// Classifier-free guidance: from the prediction without the prompt, past the one with it.
///
/// - Parameters:
///   - positive: the prediction for the prompt
///   - negative: the prediction for the negative prompt
///   - scale: 1 keeps `positive`
/// - Returns: the guided prediction
/// - Throws: ``TensorError``
package func classifierFreeGuidance(positive: Tensor, negative: Tensor, scale: Double) throws(TensorError) -> Tensor {
    try negative + (positive - negative) * scale
}

/// What the predictions of a step say together.
///
/// - Parameters:
///   - predictions: for the prompt, then for the negative prompt if there is one
///   - scale: of the guidance; without a negative prompt it counts for nothing
/// - Returns: the guided prediction, in 32-bit floats
/// - Throws: ``TensorError``
package func guided(_ predictions: [Tensor], scale: Double) throws(TensorError) -> Tensor {
    let positive = try predictions[0].to(.float32)
    guard predictions.count > 1 else { return positive }
    return try classifierFreeGuidance(positive: positive, negative: predictions[1].to(.float32), scale: scale)
}
