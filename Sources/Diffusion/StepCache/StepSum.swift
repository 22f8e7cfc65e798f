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
        var (difference, scale) = try means(values, references)
        if let ranks {
            var sums = [Float(difference), Float(scale)]
            if overBranches { sums = try ranks.sum(sums, over: .guidance) }
            // Ranks that share weights have the same tokens: what the first of them measured holds for all.
            sums = try ranks.first(sums, of: .tensor)
            (difference, scale) = (Double(sums[0]), Double(sums[1]))
        }
        return difference == 0 ? 0 : difference / scale
    }

    /// The mean sizes of the differences and of the references, over all tokens, each added up over the tensors.
    private func means(_ values: [Tensor], _ references: [Tensor]) throws(TensorError) -> (
        difference: Double, scale: Double
    ) {
        let shared = ranks?[.sequence] == nil ? nil : ranks
        func size(_ tensor: Tensor) throws(TensorError) -> Float {
            guard tensor.count > 0 else { return 0 }
            let flat = try abs(tensor).reshaped(-1)
            return try (shared == nil ? flat.mean(over: 0) : flat.sum(over: 0)).floats()[0]
        }
        var (difference, scale) = (0.0, 0.0)
        for (value, reference) in zip(values, references) {
            let reference = try reference.to(.float32)
            let own = [try size(value.to(.float32) - reference), try size(reference)]
            guard let shared else {
                (difference, scale) = (difference + Double(own[0]), scale + Double(own[1]))
                continue
            }
            let sums = try shared.sum(own + [Float(value.count)], over: .sequence).map(Double.init)
            guard sums[2] > 0 else { continue }
            (difference, scale) = (difference + sums[0] / sums[2], scale + sums[1] / sums[2])
        }
        return (difference, scale)
    }
}
