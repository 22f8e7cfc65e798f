package import Files
package import Tensors

/// How a model's predictions take latents from noise to the image: what a checkpoint's `scheduler_config.json` describes.
package protocol Scheduler: Sendable {
    /// How many noise levels the model was trained with, which is the timestep of noise alone.
    var trainTimesteps: Double { get }

    /// The noise levels of evenly spaced steps.
    ///
    /// - Parameters:
    ///   - steps: how many, at least 1
    ///   - mu: how far to shift, for configs with dynamic shifting
    /// - Returns: the schedule
    func schedule(steps: Int, mu: Double?) -> NoiseSchedule

    /// The noise levels of chosen sigmas, shifted as the config says.
    ///
    /// - Parameters:
    ///   - sigmas: from most to least noise, at least one
    ///   - mu: how far to shift, for configs with dynamic shifting
    /// - Returns: the schedule
    func schedule(sigmas: [Double], mu: Double?) throws(SchedulerError) -> NoiseSchedule

    /// Gets ready for the steps of one request.
    ///
    /// - Parameters:
    ///   - schedule: the noise levels
    ///   - index: the first step to be taken, from 0
    /// - Returns: what takes the steps
    func begin(_ schedule: NoiseSchedule, at index: Int) -> any SchedulerRun

    /// Whether the method's own numbers for every step are finite, for a schedule that is.
    ///
    /// - Parameter schedule: the noise levels
    /// - Returns: true unless the scheduler says otherwise
    func hasFiniteSteps(_ schedule: NoiseSchedule) throws(TensorError) -> Bool
}

extension Scheduler {
    /// The noise levels of evenly spaced steps, without dynamic shifting.
    ///
    /// - Parameter steps: how many, at least 1
    /// - Returns: the schedule
    package func schedule(steps: Int) -> NoiseSchedule { schedule(steps: steps, mu: nil) }

    /// Gets ready for all steps of one request.
    ///
    /// - Parameter schedule: the noise levels
    /// - Returns: what takes the steps
    package func begin(_ schedule: NoiseSchedule) -> any SchedulerRun { begin(schedule, at: 0) }

    package func hasFiniteSteps(_ schedule: NoiseSchedule) throws(TensorError) -> Bool { true }

    /// Refuses a schedule that nothing can be computed with, as some configs make of some requests.
    ///
    /// - Parameters:
    ///   - schedule: the noise levels
    ///   - request: the resolved request whose they are
    /// - Throws: ``InvalidRequest`` or ``TensorError``
    package func requireFinite(_ schedule: NoiseSchedule, for request: GenerationRequest) throws {
        let isFinite = (schedule.sigmas + schedule.timesteps).allSatisfy(\.isFinite)
        if try isFinite && hasFiniteSteps(schedule) { return }
        let sigmas = request.extra["sigmas"]?.description
        throw InvalidRequest([
            .value(
                sigmas == nil ? "num_inference_steps" : "sigmas",
                found: sigmas ?? "\(request.numInferenceSteps ?? 1)",
                expected: "such that scheduler/scheduler_config.json makes finite noise levels of it")
        ])
    }
}

/// The steps of one request in their order, with what a method remembers of the steps before.
package protocol SchedulerRun {
    /// Goes to the next noise level; at most as often as there are steps left.
    ///
    /// - Parameters:
    ///   - sample: the latents, `[batch, …]`
    ///   - prediction: the model's, of that shape
    ///   - noise: draws fresh noise of the sample's shape, for methods that add some
    /// - Returns: the latents at the next level, in 32-bit floats
    /// - Throws: what `noise` throws, or ``TensorError``
    mutating func step(_ sample: Tensor, prediction: Tensor, noise: () throws -> Tensor) throws -> Tensor

    /// What the clean latents would be by the prediction of the next step.
    ///
    /// - Parameters:
    ///   - sample: the latents, `[batch, …]`
    ///   - prediction: the model's, of that shape
    /// - Returns: x0, of that shape
    func denoised(_ sample: Tensor, prediction: Tensor) throws(TensorError) -> Tensor
}

/// A schedule that a scheduler cannot make.
package enum SchedulerError: BlamedError, Equatable {
    case takesNoSigmas
}

extension SchedulerError: CustomStringConvertible {
    package var blame: Blame { .request }

    package var description: String {
        switch self {
        case .takesNoSigmas: "sigmas cannot be chosen: scheduler/scheduler_config.json does not set use_flow_sigmas"
        }
    }
}

extension NoiseSchedule {
    /// The step at which diffusers begins a run whose pipeline names only a timestep.
    ///
    /// - Parameter timestep: what the model is told
    /// - Returns: the step with that timestep; of several the second, and the last step if there is none
    package func index(of timestep: Float) -> Int {
        let found = timesteps.indices.filter { timesteps[$0] == timestep }
        return found.dropFirst().first ?? found.first ?? timesteps.count - 1
    }
}
