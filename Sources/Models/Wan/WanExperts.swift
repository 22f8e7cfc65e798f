internal import Diffusion

extension Wan {
    /// Which transformer takes which steps.
    struct Experts {
        /// The noise levels of all steps.
        let schedule: NoiseSchedule
        /// The first step of the second transformer; the number of steps if it takes none.
        let boundary: Int

        /// - Parameters:
        ///   - request: a resolved request
        ///   - components: the model's
        ///   - scheduler: the model's
        init(_ request: GenerationRequest, _ components: Parts, _ scheduler: any Scheduler) {
            schedule = scheduler.schedule(steps: request.numInferenceSteps ?? 1)
            let ratio = request.extra["boundary_ratio"]?.number ?? components.boundaryRatio
            let steps = schedule.timesteps
            guard components.transformer2 != nil, let ratio else {
                boundary = steps.count
                return
            }
            boundary = steps.firstIndex { Double($0) < ratio * scheduler.trainTimesteps } ?? steps.count
        }

        /// How many steps there are.
        var count: Int { schedule.timesteps.count }
    }
}
