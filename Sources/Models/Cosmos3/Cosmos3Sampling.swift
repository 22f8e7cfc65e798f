internal import Diffusion
internal import Layers

extension Cosmos3 {
    /// How a checkpoint's predictions take latents from noise to the video.
    struct Sampling {
        private let scheduler: any Scheduler
        /// The only noise levels of a model that was distilled for them, with guidance in its weights; nil for others.
        let distilledSigmas: [Double]?
        /// Whether levels are evenly spread whatever the scheduler says.
        private let isEven: Bool

        /// - Throws: ``CheckpointError``, or ``ConfigError`` for a scheduler whose steps are not known
        init(_ checkpoint: CheckpointFolder) throws {
            scheduler = try checkpoint.scheduler()
            isEven = checkpoint.settings["use_native_flow_schedule"]?.flag ?? false
            guard let config = (scheduler as? FlowMatchEuler)?.config else {
                distilledSigmas = nil
                return
            }
            let fixed = config.fixedStepSamplerConfig
            let fault: ConfigFault?
            switch (fixed?.tList, fixed?.sampleType, config.stochasticSampling) {
            case (nil, _, _):
                fault = .unsupported("FlowMatchEulerDiscreteScheduler without fixed_step_sampler_config.t_list")
            case (_, "sde", true), (_, nil, true): fault = nil
            case (_, let type?, true): fault = .value("fixed_step_sampler_config.sample_type", found: type)
            case (_, _, false): fault = .value("stochastic_sampling", found: "false")
            }
            if let fault {
                throw ConfigError(file: "\(checkpoint.path)/scheduler/scheduler_config.json", fault: fault)
            }
            distilledSigmas = fixed?.tList
        }

        /// The scheduler of a request, and its noise levels.
        ///
        /// - Throws: ``SchedulerError``
        func schedule(of request: GenerationRequest) throws(SchedulerError) -> (any Scheduler, NoiseSchedule) {
            let scheduler = scheduler(of: request)
            if let distilledSigmas { return (scheduler, try scheduler.schedule(sigmas: distilledSigmas, mu: nil)) }
            let steps = request.numInferenceSteps ?? 1
            guard isEven else { return (scheduler, scheduler.schedule(steps: steps)) }
            let levels = linspace(1 - 1 / scheduler.trainTimesteps, 0, steps + 1).dropLast()
            return (scheduler, try scheduler.schedule(sigmas: Array(levels), mu: nil))
        }

        /// The scheduler with a request's changes: where levels are shifted they do not lie on Karras' curve, unless the
        /// request says so.
        private func scheduler(of request: GenerationRequest) -> any Scheduler {
            guard var config = (scheduler as? UniPCMultistep)?.config else { return scheduler }
            if let shift = request.extra["flow_shift"]?.number {
                (config.flowShift, config.useKarrasSigmas) = (shift, false)
            }
            if let flag = request.extra["use_karras_sigmas"]?.flag { config.useKarrasSigmas = flag }
            return UniPCMultistep(config)
        }
    }
}
