/// What a step cache must know of one transformer of a model.
package struct StepCacheTraits: Sendable, Equatable {
    /// How many blocks it has, or the longest of its lists.
    package let blocks: Int
    /// TeaCache's coefficients where any were published for it.
    package let coefficients: TeaCacheCoefficients?

    package init(blocks: Int, coefficients: TeaCacheCoefficients?) {
        (self.blocks, self.coefficients) = (blocks, coefficients)
    }
}
