package import Tensors

/// The steps from noise to clean latents, which every family shares.
package struct DenoisingLoop {
    package let scheduler: any Scheduler
    package let schedule: NoiseSchedule
    package let noise: NoiseSource
    package let observe: ProgressObserver
    package let trace: Trace?

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
        (self.scheduler, self.schedule, self.noise) = (scheduler, schedule, noise)
        (self.observe, self.trace) = (observe, trace)
    }

    /// Runs every step; a cancelled task ends between two of them.
    ///
    /// - Parameters:
    ///   - initial: the noise as the first step takes it, in 32-bit floats
    ///   - seconds: where each step's time is added
    ///   - predict: the guided prediction for latents at a timestep
    /// - Returns: the clean latents, in 32-bit floats
    /// - Throws: `CancellationError`, or what `predict` throws
    package func run(
        from initial: consuming Tensor, times seconds: inout [Double],
        predict: (_ latents: Tensor, _ timestep: Float) throws -> Tensor
    ) throws -> Tensor {
        var latents = initial
        var steps = scheduler.begin(schedule)
        let count = schedule.timesteps.count
        let shape = Array(latents.shape.dropFirst())
        try trace?.record("latents.initial", latents)
        observe(.denoising(step: 0, of: count))
        for (index, timestep) in schedule.timesteps.enumerated() {
            try Task.checkCancellation()
            var elapsed = 0.0
            try timed(&elapsed) {
                let prediction = try predict(latents, timestep)
                latents = try steps.step(latents, prediction: prediction) { try noise.draw(shape) }
                try trace?.record("noise_pred.step\(index)", prediction)
            }
            seconds.append(elapsed)
            try trace?.record("latents.step\(index)", latents)
            observe(.denoising(step: index + 1, of: count))
        }
        return latents
    }
}
