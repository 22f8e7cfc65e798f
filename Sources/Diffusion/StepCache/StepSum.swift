internal import Layers
internal import Parallel
internal import Tensors

/// What a step cache measures, of all tokens that ranks share: every rank gets the same, so that all decide alike.
struct StepSum {
    private let ranks: Ranks?
    private let overBranches: Bool

    /// - Parameters:
    ///   - ranks: those that share the work; nil for one alone
    ///   - overBranches: whether branches of guidance are measured together
    init(_ ranks: Ranks?, overBranches: Bool) { (self.ranks, self.overBranches) = (ranks, overBranches) }

    /// How far tensors are from others of their shapes: the mean difference over the mean size of the others.
    ///
    /// - Parameters:
    ///   - values: of all ranks together at least one, all of one shape but for the tokens
    ///   - references: as many, of the same shapes
    /// - Returns: 0 where all are equal
    func relativeDifference(_ values: [Tensor], _ references: [Tensor]) throws(TensorError) -> Double {
        let isShared = ranks?[.sequence] != nil
        func size(_ tensor: Tensor) throws(TensorError) -> Double {
            let flat = try abs(tensor).reshaped(-1)
            return Double(try (isShared ? flat.sum(over: 0) : flat.mean(over: 0)).floats()[0])
        }
        var (difference, scale) = (0.0, 0.0)
        for (value, reference) in zip(values, references) where value.count > 0 {
            let reference = try reference.to(.float32)
            difference += try size(value.to(.float32) - reference)
            scale += try size(reference)
        }
        if let ranks {
            var sums = try ranks.sum([Float(difference), Float(scale)], over: .sequence)
            if overBranches { sums = try ranks.sum(sums, over: .guidance) }
            // Ranks that share weights have the same tokens: what the first of them measured holds for all.
            sums = try ranks.first(sums, of: .tensor)
            (difference, scale) = (Double(sums[0]), Double(sums[1]))
        }
        return difference == 0 ? 0 : difference / scale
    }
}
