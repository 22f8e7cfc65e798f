package import Tensors

/// Makes the predictions of one transformer in one request; what it keeps between steps ends with it.
package final class StepPredictor<Transformer: CacheableTransformer> {
    private let runner: BlockRunner<Transformer>
    /// The steps of the transformer, from the request's first.
    package let steps: Range<Int>
    private let settings: StepCacheSettings?
    private let number: Int
    private var caches: [StepCache<Transformer>] = []

    /// - Parameters:
    ///   - transformer: what predicts
    ///   - settings: what is used again in later steps, and when; nil computes everything
    ///   - steps: the steps of this transformer, from the request's first
    ///   - number: which transformer of the model it is, from 0
    package init(_ transformer: Transformer, _ settings: StepCacheSettings?, steps: Range<Int>, number: Int = 0) {
        (runner, self.settings, self.steps, self.number) = (BlockRunner(transformer), settings, steps, number)
    }

    /// What predicts.
    package var transformer: Transformer { runner.transformer }

    /// The predictions of the next step.
    ///
    /// - Parameter inputs: one for each branch of guidance, in the same order in every step
    /// - Returns: a prediction for each, one tensor for each of the latents
    package func callAsFunction(_ inputs: [Transformer.Input]) throws(TensorError) -> [[Tensor]] {
        var predictions: [[Tensor]] = []
        guard let settings else {
            for input in inputs { predictions.append(try runner.predict(input)) }
            return predictions
        }
        if settings.decidesTogether {
            if caches.isEmpty { caches = [cache(settings, guidance: nil)] }
            return try caches[0].predict(inputs)
        }
        for (index, input) in inputs.enumerated() {
            if index == caches.count { caches.append(cache(settings, guidance: index)) }
            predictions += try caches[index].predict([input])
        }
        return predictions
    }

    /// What was left out so far; nil without a cache.
    package var report: CacheReport? {
        settings == nil ? nil : CacheReport(caches.map(\.report))
    }

    private func cache(_ settings: StepCacheSettings, guidance: Int?) -> StepCache<Transformer> {
        StepCache(runner, settings, steps: steps, place: (number, guidance))
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
