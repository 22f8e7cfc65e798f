package import Tensors

/// Makes the predictions of one transformer in one request; what it keeps between steps ends with it.
///
/// It is given the transformer for each step, whose weights may leave memory in between.
package final class StepPredictor<Transformer: CacheableTransformer> {
    private let settings: StepCacheSettings?
    private let steps: Range<Int>
    private let number: Int
    private var caches: [StepCache<Transformer>] = []

    /// - Parameters:
    ///   - settings: what is used again in later steps, and when; nil computes everything
    ///   - steps: the steps of the transformer, from the request's first
    ///   - number: which transformer of the model it is, from 0
    package init(_ settings: StepCacheSettings?, steps: Range<Int>, number: Int = 0) {
        (self.settings, self.steps, self.number) = (settings, steps, number)
    }

    /// The predictions of the next step.
    ///
    /// - Parameters:
    ///   - transformer: what predicts, with the same weights in every step
    ///   - inputs: one for each branch of guidance, in the same order in every step
    /// - Returns: a prediction for each, one tensor for each of the latents
    package func callAsFunction(_ transformer: Transformer, _ inputs: [Transformer.Input]) throws(TensorError)
        -> [[Tensor]]
    {
        let runner = BlockRunner(transformer)
        guard let settings else {
            return try inputs.map { input throws(TensorError) in try runner.predict(input) }
        }
        if caches.isEmpty {
            let branches: [Int?] = settings.decidesTogether ? [nil] : Array(inputs.indices)
            caches = branches.map {
                StepCache(of: transformer.blockCount, settings, steps: steps, place: (number, $0))
            }
        }
        if settings.decidesTogether { return try caches[0].predict(runner, inputs) }
        var predictions: [[Tensor]] = []
        for (cache, input) in zip(caches, inputs) { predictions += try cache.predict(runner, [input]) }
        return predictions
    }

    /// What was left out so far; nil without a cache.
    package var report: CacheReport? {
        settings == nil ? nil : CacheReport(caches.map(\.report))
    }
}

extension StepCacheSettings {
    /// Whether all branches of guidance are computed, or none.
    fileprivate var decidesTogether: Bool {
        switch method {
        case .teaCache: false
        case .dualBlock(let settings): settings.branches == .joint
        }
    }
}
