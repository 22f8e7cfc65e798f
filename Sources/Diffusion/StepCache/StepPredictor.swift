package import Layers
package import Tensors

/// Makes the predictions of one transformer in one request; what it keeps between steps ends with it.
///
/// It is given the transformer for each step, whose weights may leave memory in between.
package final class StepPredictor<Transformer: CacheableTransformer> {
    private let settings: StepCacheSettings?
    private let steps: Range<Int>
    private let number: Int
    /// By branches of guidance that are decided on together, and by list of blocks.
    private var kept: [[StepCache<Transformer>]] = []

    /// - Parameters:
    ///   - settings: what is used again in later steps, and when; nil computes everything
    ///   - steps: the steps of the transformer, from the request's first
    ///   - number: which transformer of the model it is, from 0
    package init(_ settings: StepCacheSettings?, steps: Range<Int>, number: Int = 0) {
        (self.settings, self.steps, self.number) = (settings, steps, number)
    }

    /// Whether steps are used again.
    var caches: Bool { settings != nil }

    /// The predictions of the next step.
    ///
    /// - Parameters:
    ///   - transformer: what predicts, with the same weights in every step
    ///   - inputs: one for each branch of guidance that this rank computes, in the same order in every step
    ///   - own: which branches those are
    ///   - context: what the transformer computes with
    /// - Returns: a prediction for each, one tensor for each of the latents
    package func callAsFunction(
        _ transformer: Transformer, _ inputs: [Transformer.Input], of own: Range<Int>, _ context: ComputeContext
    ) throws(TensorError) -> [[Tensor]] {
        let runner = BlockRunner(transformer, context)
        guard let settings else {
            return try inputs.map { input throws(TensorError) in try runner.predict(input) }
        }
        if kept.isEmpty {
            let branches: [Int?] = settings.decidesTogether ? [nil] : Array(own)
            let lists = settings.lists(of: transformer)
            kept = branches.map { branch in
                lists.indices.map {
                    let list = lists.count > 1 ? $0 : nil
                    let sum = StepSum(context.ranks, overBranches: settings.decidesTogether)
                    return StepCache(lists[$0], settings, sum, steps: steps, place: (number, list, branch))
                }
            }
        }
        if settings.decidesTogether { return try predictions(of: inputs, runner, kept[0]) }
        var predictions: [[Tensor]] = []
        for (caches, input) in zip(kept, inputs) { predictions += try self.predictions(of: [input], runner, caches) }
        return predictions
    }

    /// The predictions for branches that are decided on together, list of blocks after list.
    private func predictions(
        of inputs: [Transformer.Input], _ runner: BlockRunner<Transformer>, _ caches: [StepCache<Transformer>]
    ) throws(TensorError) -> [[Tensor]] {
        var states = try inputs.map { input throws(TensorError) in try runner.begin(input) }
        for cache in caches { try cache.run(runner, &states) }
        return try states.map { state throws(TensorError) in try runner.finish(state) }
    }

    /// What was left out so far; nil without a cache.
    package var report: CacheReport? {
        settings == nil ? nil : CacheReport(kept.flatMap(\.self).map(\.report))
    }
}

extension StepCacheSettings {
    /// The lists of blocks that are decided on one by one.
    fileprivate func lists(of transformer: some CacheableTransformer) -> [CachedList] {
        switch method {
        case .teaCache: [CachedList(0..<transformer.blockCount)]
        case .dualBlock: transformer.cachedLists
        }
    }

    /// Whether all branches of guidance are computed, or none.
    fileprivate var decidesTogether: Bool {
        switch method {
        case .teaCache: false
        case .dualBlock(let settings): settings.branches == .joint
        }
    }
}
