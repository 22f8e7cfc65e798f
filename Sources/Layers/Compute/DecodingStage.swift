/// A place in a decoder from which on it sees less of a picture's surroundings than before.
///
/// The last stage is known by itself; those before it are found from it, by the layers that stand between.
package struct DecodingStage: Sendable, Equatable {
    /// How many positions a latent has become along each side.
    package let scale: Int
    /// How many positions beyond a part of the picture that part's pixels depend on.
    package let reach: Int

    /// - Parameters:
    ///   - scale: how many positions a latent has become along each side
    ///   - reach: how many positions beyond a part of the picture that part's pixels depend on
    package init(scale: Int, reach: Int = 0) { (self.scale, self.reach) = (scale, reach) }

    /// The stage before some layers.
    ///
    /// - Parameter convolutions: how many of them see one position around each
    package func before(convolutions: Int) -> Self { Self(scale: scale, reach: reach + convolutions) }

    /// The stage before a step that makes several positions of one along each side, and sees nothing around it.
    ///
    /// - Parameter factor: how many
    package func before(enlargingBy factor: Int) -> Self {
        Self(scale: scale / factor, reach: (reach + factor - 1) / factor)
    }
}
