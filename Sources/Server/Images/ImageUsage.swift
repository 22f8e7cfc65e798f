internal import Diffusion

/// What OpenAI's clients read as the tokens of a request for images.
///
/// Text tokens are those that the model reads of each prompt: all are made `max_sequence_length` long. An image token stands
/// for 16 × 16 pixels, as the models here have it.
struct ImageUsage: Encodable {
    struct Details: Encodable {
        let imageTokens, textTokens: Int
    }

    let inputTokens, outputTokens, totalTokens: Int
    let inputTokensDetails: Details

    private static let side = 16

    /// - Parameters:
    ///   - request: resolved
    ///   - inputs: the sizes of the images that it brings
    init(_ request: GenerationRequest, inputs: [OutputSize]) {
        let outputs = request.outputCount
        let text = request.prompts.count * (request.maxSequenceLength ?? 0)
        let images = inputs.map { Self.tokens(width: $0.width, height: $0.height) }.reduce(0, +)
        inputTokensDetails = Details(imageTokens: images, textTokens: text)
        inputTokens = images + text
        outputTokens = outputs * Self.tokens(width: request.width ?? 0, height: request.height ?? 0)
        totalTokens = inputTokens + outputTokens
    }

    private static func tokens(width: Int, height: Int) -> Int {
        ((width + side - 1) / side) * ((height + side - 1) / side)
    }
}
