internal import Diffusion

extension Wan {
    /// Which transformer takes which steps.
    struct Experts {
        /// The noise levels of all steps.
        let schedule: NoiseSchedule
        /// The steps of the first transformer and of the second, which may have none.
        let steps: [Range<Int>]

        init(_ request: GenerationRequest, _ parts: Parts, _ scheduler: any Scheduler) {
            schedule = scheduler.schedule(steps: request.numInferenceSteps ?? 1)
            let ratio = request.extra["boundary_ratio"]?.number ?? parts.boundaryRatio ?? 0
            let (timesteps, end) = (schedule.timesteps, ratio * scheduler.trainTimesteps)
            let first = parts.transformer2 == nil ? nil : timesteps.firstIndex { Double($0) < end }
            let boundary = first ?? timesteps.count
            steps = [0..<boundary, boundary..<timesteps.count]
        }
    }
}
