internal import Layers

extension DecodingStage {
    /// The stage before a step to twice the height and width, and a convolution.
    var beforeDoubling: DecodingStage { before(convolutions: 1).before(enlargingBy: 2) }

    /// What the middle of an image's decoder sees of a picture, and each of its levels.
    ///
    /// Five convolutions come before the first level: one of the latents, and four of the middle. All levels but the last end with a
    /// step to twice the height and width and a convolution; one more convolution makes the pixels.
    ///
    /// - Parameters:
    ///   - count: how many levels
    ///   - blocks: of convolutions, two each, in every level
    ///   - scale: how many positions a latent has become along each side behind the last level
    /// - Returns: the middle's, then those of the levels
    static func ofLevels(_ count: Int, blocks: Int, scale: Int) -> [DecodingStage] {
        var stages = [DecodingStage(scale: scale).before(convolutions: 2 * blocks + 1)]
        for _ in stride(from: 1, to: count, by: 1) {
            stages.insert(stages[0].beforeDoubling.before(convolutions: 2 * blocks), at: 0)
        }
        return [stages[0].before(convolutions: 5)] + stages
    }
}
