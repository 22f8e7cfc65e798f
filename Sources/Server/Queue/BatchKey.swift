internal import Diffusion

/// What requests have in common that can be computed as one batch, with the same images as by themselves.
///
/// Each must draw one image of one prompt with one seed: then every image of the batch has its own stream of random
/// numbers, as it has alone.
struct BatchKey: Equatable, Sendable {
    private let common: GenerationRequest

    /// - Parameter request: a resolved request
    init?(_ request: GenerationRequest) {
        guard request.outputCount == 1, request.seeds.count == 1, request.numFrames == nil, request.images.isEmpty,
            request.lastImage == nil, request.negativePrompts.count <= 1,
            request.extra.values.allSatisfy({ $0.items.allSatisfy { $0.text == nil } })
        else { return nil }
        var common = request
        (common.prompts, common.seeds) = ([], [])
        // A batch has a negative prompt for each of its prompts, or none.
        common.negativePrompts = request.negativePrompts.map { _ in "" }
        self.common = common
    }
}

extension GenerationRequest {
    /// A batch with the prompts of both.
    ///
    /// - Parameter other: of the same ``BatchKey``
    /// - Returns: the batch
    func merged(with other: GenerationRequest) -> GenerationRequest {
        var merged = self
        merged.prompts += other.prompts
        merged.negativePrompts += other.negativePrompts
        merged.seeds += other.seeds
        return merged
    }
}
