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
