package import Layers
package import Tensors

/// The steps of one request from noise to clean latents, which every family shares; it may pause between any two.
package final class DenoisingLoop {
    /// The noise levels.
    package let schedule: NoiseSchedule
    /// As the next step takes them, in 32-bit floats: those of the image or the video, then those of its sound.
    package private(set) var latents: [Tensor] = []
    /// The next step.
    package private(set) var index = 0
    /// Shows what the images would be if a step were the last.
    package var preview: Preview?
    private let scheduler: any Scheduler
    private let noise: NoiseSource
    private let run: RunEnvironment
    private let stage: String
    private var steps: [any SchedulerRun] = []
    private var held: HeldTokens?
    private var restored = 0

    /// After which steps images are shown, and how.
    package struct Preview {
        private let steps: Set<Int>
        private let pixels: (Tensor) throws -> PixelBatch

        /// - Parameters:
        ///   - count: how often; evenly spread over the steps, and never after the last
        ///   - steps: all steps
        ///   - pixels: the images of clean latents
        package init(_ count: Int, of steps: Int, pixels: @escaping (Tensor) throws -> PixelBatch) {
            self.steps = Set((0..<count).map { (($0 + 1) * steps) / (count + 1) }).subtracting([0, steps])
            self.pixels = pixels
        }

        /// - Returns: nothing after steps that are not shown
        fileprivate func callAsFunction(after step: Int, _ clean: () throws -> Tensor) throws -> PixelBatch? {
            guard steps.contains(step) else { return nil }
            do {
                return try pixels(clean())
            } catch is NonFiniteOutput {
                // Whether there will be an image is seen at the end.
                return nil
            }
        }
    }

    /// - Parameters:
    ///   - scheduler: how a prediction moves the latents
    ///   - schedule: the noise levels
    ///   - noise: the request's random numbers
    ///   - run: who is told of each step
    ///   - stage: what the trace's names begin with, where a request has several loops
    package init(
        _ scheduler: any Scheduler, _ schedule: NoiseSchedule, noise: NoiseSource, _ run: RunEnvironment,
        stage: String = ""
    ) {
        (self.scheduler, self.schedule, self.noise, self.run) = (scheduler, schedule, noise, run)
        self.stage = stage
    }

    /// - Parameters:
    ///   - scheduler: how a prediction moves the latents
    ///   - schedule: the noise levels
    ///   - request: a resolved request, whose seeds the random numbers come from
    ///   - run: who is told of each step
    /// - Throws: ``InvalidRequest`` where the scheduler's config makes no finite noise levels of the request's
    package convenience init(
        _ scheduler: any Scheduler, _ schedule: NoiseSchedule, for request: GenerationRequest, _ run: RunEnvironment
    ) throws {
        try scheduler.requireFinite(schedule, for: request)
        let noise = try NoiseSource(seeds: request.seeds, count: request.outputCount)
        self.init(scheduler, schedule, noise: noise, run)
    }

    /// What the model computes with.
    package var context: ComputeContext { run.context }

    /// How many steps there are.
    package var count: Int { schedule.timesteps.count }

    /// Draws the noise of the first step.
    ///
    /// - Parameters:
    ///   - shape: of one output's latents
    ///   - number: of which latents, 0 for those of the image or the video
    /// - Returns: `[outputs] + shape` on the model's device, in 32-bit floats
    package func drawNoise(_ shape: [Int], number: Int = 0) throws(TensorError) -> Tensor {
        let drawn = try noise.draw(shape)
        try run.trace?.record(name("noise", number), drawn)
        return try drawn.to(on: run.options.plan.device)
    }

    /// Puts the noise in place.
    ///
    /// - Parameters:
    ///   - latents: those of the image or the video, then those of its sound, in 32-bit floats
    ///   - held: tokens of the first latents, `[batch, tokens, channels]`, that are known
    ///   - restored: how many frames of the first latents, `[batch, channels, frames, …]`, are put back after every step
    package func begin(_ latents: [Tensor], holding held: HeldTokens? = nil, restoring restored: Int = 0)
        throws(TensorError)
    {
        (self.latents, self.held, self.restored) = (latents, held, restored)
        steps = latents.map { _ in scheduler.begin(schedule) }
        for (number, latents) in latents.enumerated() {
            try run.trace?.record(name("latents.initial", number), latents)
        }
        run.observe(.denoising(step: 0, of: count))
    }

    /// Takes the next step, unless the task is cancelled.
    ///
    /// - Parameters:
    ///   - seconds: where its time is added
    ///   - predict: the guided predictions, one for each of the latents, at a timestep and a noise level
    /// - Throws: `CancellationError` before it, what `predict` throws, or ``NonFiniteOutput`` after the last step
    package func step(
        times seconds: inout [Double], predict: (_ latents: [Tensor], _ at: DenoisingStep) throws -> [Tensor]
    ) throws {
        try run.context.checkCancellation()
        var elapsed = 0.0
        var shown: PixelBatch?
        let step = DenoisingStep(
            index: index, of: count, timestep: schedule.timesteps[index], sigma: Double(schedule.sigmas[index]))
        run.context.step = step
        defer { run.context.step = nil }
        try timed(&elapsed) {
            let predictions = try predict(latents, step)
            let preview = run.context.delivers ? preview : nil
            shown = try preview?(after: index + 1) {
                try moved(0, predictions[0]) { latents, prediction in
                    try steps[0].denoised(latents, prediction: prediction)
                }
            }
            for (number, prediction) in predictions.enumerated() {
                latents[number] = try moved(number, prediction) { latents, prediction in
                    try run.trace?.record(name("noise_pred.step\(index)", number), prediction)
                    return try steps[number].step(latents, prediction: prediction) {
                        try noise.draw(Array(latents.shape.dropFirst()))
                    }
                }
            }
        }
        seconds.append(elapsed)
        for (number, latents) in latents.enumerated() {
            try run.trace?.record(name("latents.step\(index)", number), latents)
        }
        index += 1
        run.observe(.denoising(step: index, of: count))
        if let shown { run.observe(.preview(shown)) }
        if index == count { for latents in latents { try latents.requireFinite(.latents) } }
    }

    /// What a prediction makes of latents, of which some may be held.
    private func moved(_ number: Int, _ prediction: Tensor, _ move: (Tensor, Tensor) throws -> Tensor) throws -> Tensor
    {
        let latents = latents[number]
        guard number == 0, let held else {
            let moved = try move(latents, prediction)
            guard number == 0, restored > 0 else { return moved }
            let free = restored..<latents.size(2)
            return try concatenate([latents.slice(0..<restored, axis: 2), moved.slice(free, axis: 2)], axis: 2)
        }
        if held.strength < 1 {
            return try move(latents, held.pulled(prediction, at: latents, sigma: Double(schedule.sigmas[index])))
        }
        let free = held.range.upperBound..<latents.size(1)
        let moved = try move(latents.slice(free, axis: 1), prediction.slice(free, axis: 1))
        return try concatenate([latents.slice(held.range, axis: 1), moved], axis: 1)
    }

    /// A name of the trace's contract; those of the sound's latents have a word more.
    private func name(_ entry: String, _ number: Int) -> String { stage + (number == 0 ? entry : "audio_\(entry)") }
}
