package import Tensors

/// The steps of one request from noise to clean latents, which every family shares.
package final class DenoisingLoop {
    /// The noise levels.
    package let schedule: NoiseSchedule
    private let noise: NoiseSource
    private let observe: ProgressObserver
    private let trace: Trace?
    private var steps: any SchedulerRun
    /// The next step.
    private var index = 0
    /// Shows what the pictures would be if a step were the last.
    package var preview: Preview?

    /// After which steps pictures are shown, and how.
    package struct Preview {
        private let steps: Set<Int>
        private let pixels: (Tensor) throws -> PixelBatch

        /// - Parameters:
        ///   - count: how often; evenly spread over the steps, and never after the last
        ///   - steps: all steps
        ///   - pixels: the pictures of clean latents
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
                // Whether there will be a picture is seen at the end.
                return nil
            }
        }
    }

    /// - Parameters:
    ///   - scheduler: how a prediction moves the latents
    ///   - schedule: the noise levels
    ///   - noise: the request's random numbers
    ///   - observe: told of each step
    ///   - trace: where predictions and latents are recorded, or nil
    package init(
        _ scheduler: any Scheduler, _ schedule: NoiseSchedule, noise: NoiseSource,
        observe: @escaping ProgressObserver, trace: Trace?
    ) {
        (self.schedule, self.noise) = (schedule, noise)
        (self.observe, self.trace) = (observe, trace)
        steps = scheduler.begin(schedule)
    }

    /// Runs the steps that are left, or the first of them; a cancelled task ends between two of them.
    ///
    /// - Parameters:
    ///   - latents: as the next step takes them, in 32-bit floats: at first the noise
    ///   - end: the first step that is not run; nil runs all
    ///   - seconds: where each step's time is added
    ///   - predict: the guided prediction for latents at a timestep
    /// - Returns: the latents after those steps, in 32-bit floats
    /// - Throws: `CancellationError`, what `predict` throws, or ``NonFiniteOutput`` after the last step
    package func run(
        from latents: consuming Tensor, to end: Int? = nil, times seconds: inout [Double],
        predict: (_ latents: Tensor, _ timestep: Float) throws -> Tensor
    ) throws -> Tensor {
        var latents = latents
        let count = schedule.timesteps.count
        let shape = Array(latents.shape.dropFirst())
        if index == 0 { try trace?.record("latents.initial", latents) }
        observe(.denoising(step: index, of: count))
        while index < end ?? count {
            try Task.checkCancellation()
            var elapsed = 0.0
            var shown: PixelBatch?
            try timed(&elapsed) {
                let prediction = try predict(latents, schedule.timesteps[index])
                // The prediction is the velocity from picture to noise: following it to the end gives the picture.
                shown = try preview?(after: index + 1) { try latents - prediction * Double(schedule.sigmas[index]) }
                latents = try steps.step(latents, prediction: prediction) { try noise.draw(shape) }
                try trace?.record("noise_pred.step\(index)", prediction)
            }
            seconds.append(elapsed)
            try trace?.record("latents.step\(index)", latents)
            index += 1
            observe(.denoising(step: index, of: count))
            if let shown { observe(.preview(shown)) }
        }
        if index == count { try latents.requireFinite(.latents) }
        return latents
    }
}
