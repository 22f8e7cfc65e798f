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
    ///   - stepCache: leaves steps out
    package init<Transformer: CacheableTransformer>(
        of transformer: Transformer, _ input: Transformer.Input, operations: Double, _ stepCache: StepCacheSettings?
    ) throws(TensorError) {
        let input = try transformer.prepared(input)
        let predict = StepPredictor<Transformer>(stepCache, steps: 0..<Int.max)
        self.init(operations: operations) { _ = try predict(transformer, [input]) }
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
