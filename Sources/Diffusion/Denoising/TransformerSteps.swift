package import Layers
internal import Parallel
package import Tensors

/// The steps that one transformer takes in a request.
///
/// Between two of them its weights may leave memory: the transformer is asked for at each.
package final class TransformerSteps<Config: ModelConfig, Transformer: CacheableTransformer> {
    private let transformer: Resident<Config, Transformer>
    private let steps: Range<Int>
    private let predict: StepPredictor<Transformer>
    /// One for each branch of guidance that this rank computes.
    private var inputs: [Transformer.Input] = []
    private var hasInputs = false

    /// - Parameters:
    ///   - transformer: what predicts
    ///   - steps: its steps, from the request's first
    ///   - stepCaches: what is used again in later steps, for each transformer of the model; none computes everything
    ///   - number: which transformer of the model it is, from 0
    package init(
        _ transformer: Resident<Config, Transformer>, steps: Range<Int>, _ stepCaches: [StepCacheSettings],
        number: Int = 0
    ) {
        (self.transformer, self.steps) = (transformer, steps)
        predict = StepPredictor(stepCaches.isEmpty ? nil : stepCaches[number], steps: steps, number: number)
    }

    /// Takes the next step, unless the task is cancelled.
    ///
    /// - Parameters:
    ///   - loop: all steps of the request
    ///   - guidance: how the predictions of its branches become one, for each of the latents
    ///   - guides: tells whether a step is guided; one that is not follows the prompt alone
    ///   - times: where the step's time is added, and at the end what was left out
    ///   - make: makes the input of each branch, before the first step
    ///   - update: puts the step's latents and timestep into the inputs
    /// - Returns: whether more steps of this transformer are to come
    /// - Throws: as ``DenoisingLoop/step(times:predict:)``, or what the closures throw
    package func step(
        of loop: DenoisingLoop, _ guidance: [Guidance], where guides: (Int) -> Bool = { _ in true },
        times: inout StageTimes,
        inputs make: (Transformer) throws -> [Transformer.Input],
        update: (inout [Transformer.Input], _ latents: [Tensor], _ at: DenoisingStep) throws -> Void
    ) throws -> Bool {
        let (transformer, all) = (try transformer(), GuidanceBranches(guidance[0], loop.context.ranks))
        if !hasInputs {
            inputs = try make(transformer)[all.own].map(transformer.prepared)
            hasInputs = true
        }
        let isGuided = guides(loop.index)
        // What a step cache keeps is of all branches.
        let branches = isGuided || predict.caches ? all : GuidanceBranches(1, loop.context.ranks)
        try loop.step(times: &times.denoise) { latents, step in
            try update(&inputs, latents, step)
            let own = try predict(transformer, Array(inputs.prefix(branches.own.count)), of: branches.own, loop.context)
            let predictions = try branches.gathered(own, like: latents)
            return try latents.indices.map { number in
                let given = isGuided ? predictions : [predictions[0]]
                return try guidance[number](given.map { $0[number] }, latents: latents[number], sigma: step.sigma)
            }
        }
        if loop.index < steps.upperBound { return true }
        times.add(predict.report)
        (inputs, hasInputs) = ([], false)
        return false
    }
}
