package import Layers
package import Tensors

/// A part of a model with random weights, ready to run again and again.
package struct Benchmark {
    /// One run.
    package let run: () throws -> Void
    /// Floating point operations of the matrix products of one run.
    package let operations: Double

    /// - Parameters:
    ///   - operations: floating point operations of the matrix products of one run
    ///   - run: one run
    package init(operations: Double, run: @escaping () throws -> Void) {
        (self.operations, self.run) = (operations, run)
    }

    /// One prediction of a denoiser after another, as the steps of one request.
    ///
    /// - Parameters:
    ///   - transformer: the denoiser
    ///   - input: of every prediction
    ///   - operations: floating point operations of the matrix products of one prediction
    ///   - branches: how many branches of guidance there are
    ///   - stepCache: leaves steps out
    ///   - context: what the denoiser computes with
    package init<Transformer: CacheableTransformer>(
        of transformer: Transformer, _ input: Transformer.Input, operations: Double, branches: Int,
        _ stepCache: StepCacheSettings?,
        _ context: ComputeContext
    ) throws(TensorError) {
        let input = try transformer.prepared(input)
        let predict = StepPredictor<Transformer>(stepCache, steps: 0..<Int.max)
        let shared = GuidanceBranches(branches, context.ranks)
        let inputs = shared.own.map { _ in input }
        self.init(operations: Double(branches) * operations) {
            let own = try predict(transformer, inputs, of: shared.own, context)
            _ = try shared.gathered(own, like: own.first ?? [])
        }
    }
}

/// What a family can time alone.
package enum BenchmarkPart: String, CaseIterable, Sendable {
    /// One prediction of the denoiser.
    case transformer
    /// From latents to pixels.
    case decoder
}

/// The size of what a benchmark runs on.
package struct BenchmarkShape: Sendable {
    package let batch, height, width, textTokens: Int
    /// How many branches of guidance a step has.
    package var branches = 1
    /// Frames of a video; nil is the family's choice.
    package let numFrames: Int?
    /// Values that replace those of the published config.
    package let config: [String: Int]

    package init(
        batch: Int, height: Int, width: Int, numFrames: Int? = nil, textTokens: Int, config: [String: Int]
    ) {
        (self.batch, self.height, self.width, self.numFrames) = (batch, height, width, numFrames)
        (self.textTokens, self.config) = (textTokens, config)
    }
}
