/// When Cache-DiT leaves the middle blocks of a step out, and what takes their place.
package struct DualBlockSettings: Sendable, Equatable, Codable {
    /// How many blocks at the beginning are always computed.
    package var firstBlocks = 1
    /// How many blocks at the end are always computed.
    package var lastBlocks = 0
    /// How many steps at the beginning are computed whole.
    package var warmUpSteps = 4
    /// How many steps at most are cached; below 0 any number.
    package var maxCachedSteps = -1
    /// How many steps in a row are cached; below 0 any number.
    package var maxContinuousCachedSteps = 3
    /// The relative change of the first blocks' work below which a step is cached.
    package var threshold = 0.24
    /// Whether the branches of guidance are cached each for itself or are decided on together.
    package var branches = Branches.separate
    /// The order of the extrapolation of what is used again; 0 takes it as it was.
    package var order = 0
    /// A pattern of steps that may be cached; nil is every step.
    package var mask: StepsMask.Policy?
    /// Whether steps that may be cached are cached whatever the change.
    package var ignoresChange = false
    /// After how many steps all that is kept is forgotten; nil is never.
    package var refresh: Refresh?

    package init() {}

    /// How the branches of guidance are cached.
    package enum Branches: String, Sendable, Codable { case separate, joint }

    /// When all that is kept is forgotten.
    package struct Refresh: Sendable, Equatable, Codable {
        /// The first step after which nothing is known.
        package let step: Int
        /// Whether every so many steps, or once.
        package let repeats: Bool

        package init(step: Int, repeats: Bool) { (self.step, self.repeats) = (step, repeats) }
    }
}
