internal import Tensors

extension FlowMatchEuler: Scheduler {
    package var trainTimesteps: Double { Double(config.numTrainTimesteps) }

    package func schedule(sigmas: [Double], mu: Double?) -> NoiseSchedule {
        schedule(sigmas: sigmas, timesteps: nil, mu: mu)
    }

    package func begin(_ schedule: NoiseSchedule, at index: Int) -> any SchedulerRun {
        Run(scheduler: self, schedule: schedule, index: index)
    }

    /// Remembers nothing but where it is.
    private struct Run: SchedulerRun {
        let scheduler: FlowMatchEuler
        let schedule: NoiseSchedule
        var index: Int

        mutating func step(_ sample: Tensor, prediction: Tensor, noise: () throws -> Tensor) throws -> Tensor {
            defer { index += 1 }
            return try scheduler.step(sample, velocity: prediction, index: index, of: schedule, noise: noise)
        }

        func denoised(_ sample: Tensor, prediction: Tensor) throws(TensorError) -> Tensor {
            try sample - prediction * Double(schedule.sigmas[index])
        }
    }
}
