internal import Foundation
package import Tensors

/// The Euler method for flow matching: the model predicts the velocity from image to noise, and each step follows it
/// down to the next noise level.
// Source: diffusers 0.42.1, schedulers/scheduling_flow_match_euler_discrete.py.
package struct FlowMatchEuler: Sendable {
    /// The component's `scheduler_config.json`.
    package let config: FlowMatchEulerConfig

    package init(_ config: FlowMatchEulerConfig = FlowMatchEulerConfig()) { self.config = config }

    /// The noise levels of evenly spaced steps.
    ///
    /// - Parameters:
    ///   - steps: how many, at least 1
    ///   - mu: how far to shift, for configs with dynamic shifting
    /// - Returns: the schedule
    package func schedule(steps: Int, mu: Double? = nil) -> NoiseSchedule {
        let train = Double(config.numTrainTimesteps)
        let (least, most) = (Double(trainedSigma(1)), Double(trainedSigma(config.numTrainTimesteps)))
        return finished(linspace(most * train, least * train, steps).map { $0 / train }, mu: mu, timesteps: nil)
    }

    /// The noise levels of chosen sigmas, shifted as the config says.
    ///
    /// - Parameters:
    ///   - sigmas: from most to least noise, at least one
    ///   - timesteps: what the model is told, one for each sigma; nil follows from the sigmas
    ///   - mu: how far to shift, for configs with dynamic shifting
    /// - Returns: the schedule
    package func schedule(sigmas: [Double], timesteps: [Float]? = nil, mu: Double? = nil) -> NoiseSchedule {
        finished(sigmas.map(Float.init), mu: mu, timesteps: timesteps)
    }

    /// The noise levels of chosen timesteps, which the model is told as they are.
    ///
    /// - Parameters:
    ///   - timesteps: from most to least noise, at least one
    ///   - mu: how far to shift, for configs with dynamic shifting
    /// - Returns: the schedule
    package func schedule(timesteps: [Float], mu: Double? = nil) -> NoiseSchedule {
        finished(timesteps.map { $0 / Float(config.numTrainTimesteps) }, mu: mu, timesteps: timesteps)
    }

    /// How far an image's size shifts the noise levels: a line through the config's two points.
    ///
    /// - Parameter tokens: how many tokens the image has
    /// - Returns: `mu` for the schedule
    package func mu(tokens: Int) -> Double {
        let (base, most) = (config.baseShift ?? 0.5, config.maxShift ?? 1.15)
        let slope = (most - base) / Double(config.maxImageSeqLen - config.baseImageSeqLen)
        return Double(tokens) * slope + (base - slope * Double(config.baseImageSeqLen))
    }

    /// Goes from one noise level to the next.
    ///
    /// - Parameters:
    ///   - sample: the latents, of any shape
    ///   - velocity: the model's prediction, of that shape
    ///   - index: the step, from 0
    ///   - schedule: the noise levels
    ///   - noise: draws fresh noise of the sample's shape, for configs with stochastic sampling
    /// - Returns: the latents at the next level, in 32-bit floats
    /// - Throws: what `noise` throws, or ``TensorError``
    package func step(
        _ sample: Tensor, velocity: Tensor, index: Int, of schedule: NoiseSchedule, noise: () throws -> Tensor
    ) throws -> Tensor {
        let (sigma, next) = (schedule.sigmas[index], schedule.sigmas[index + 1])
        let (x, v) = try (sample.to(.float32), velocity.to(.float32))
        guard config.stochasticSampling else { return try x + v * Double(next - sigma) }
        let clean = try x - v * Double(sigma)
        return try clean * Double(1 - next) + noise().to(on: sample.device) * Double(next)
    }

    /// The noise level of a training timestep, computed in 32-bit floats as in training.
    private func trainedSigma(_ timestep: Int) -> Float {
        let sigma = Float(timestep) / Float(config.numTrainTimesteps)
        return config.useDynamicShifting ? sigma : statically(shifted: sigma)
    }

    /// Shifts, stretches, converts, and appends the last level.
    ///
    /// In the sigmas' own precision: diffusers computes in 32-bit floats what it was given and in 64-bit floats what it
    /// made itself.
    private func finished<Number: BinaryFloatingPoint & SendableMetatype>(
        _ sigmas: [Number], mu: Double?, timesteps: [Float]?
    ) -> NoiseSchedule {
        var levels = sigmas.map { shifted($0, mu: mu ?? 0) }
        if let terminal = config.shiftTerminal, terminal != 0, let last = levels.last {
            let factor = (1 - last) / Number(1 - terminal)
            levels = levels.map { 1 - (1 - $0) / factor }
        }
        let converted = converted(levels)
        var result = converted.map { config.invertSigmas ? 1 - $0 : $0 }
        let derived = result.map { $0 * Float(config.numTrainTimesteps) }
        result.append(config.invertSigmas ? 1 : 0)
        return NoiseSchedule(sigmas: result, timesteps: config.invertSigmas ? derived : timesteps ?? derived)
    }

    private func shifted<Number: BinaryFloatingPoint & SendableMetatype>(_ sigma: Number, mu: Double) -> Number {
        config.useDynamicShifting ? dynamically(shifted: sigma, mu: mu) : statically(shifted: sigma)
    }

    private func statically<Number: BinaryFloatingPoint & SendableMetatype>(shifted sigma: Number) -> Number {
        Number(config.shift) * sigma / (1 + Number(config.shift - 1) * sigma)
    }

    private func dynamically<Number: BinaryFloatingPoint & SendableMetatype>(
        shifted sigma: Number, mu: Double
    ) -> Number {
        let factor = Number(config.timeShiftType == .exponential ? exp(mu) : mu)
        return factor / (factor + (1 / sigma - 1))
    }

    /// The levels on another curve between their ends, where the config asks for one.
    private func converted<Number: BinaryFloatingPoint & SendableMetatype>(_ levels: [Number]) -> [Float] {
        guard let first = levels.first.map(Double.init), let last = levels.last.map(Double.init) else { return [] }
        let count = levels.count
        if config.useKarrasSigmas == true {
            let (most, least) = (pow(first, 1 / 7.0), pow(last, 1 / 7.0))
            return linspace(0, 1, count).map { Float(pow(most + $0 * (least - most), 7)) }
        }
        if config.useExponentialSigmas == true {
            return linspace(log(first), log(last), count).map { Float(exp($0)) }
        }
        if config.useBetaSigmas == true {
            let distribution = BetaDistribution(alpha: 0.6, beta: 0.6)
            return linspace(0, 1, count).map { Float(last + distribution.quantile(1 - $0) * (first - last)) }
        }
        return levels.map { Float($0) }
    }
}

/// Noise levels from the first step to past the last, and what the model is told at each step.
package struct NoiseSchedule: Sendable, Equatable {
    /// One more than there are steps; the last is the level of the finished image.
    package let sigmas: [Float]
    /// One for each step.
    package let timesteps: [Float]
}

/// Evenly spaced numbers with both ends, rounded as NumPy rounds them.
///
/// - Parameters:
///   - start: the first
///   - stop: the last
///   - count: how many
/// - Returns: the numbers
package func linspace(_ start: Double, _ stop: Double, _ count: Int) -> [Double] {
    guard count > 1 else { return count == 1 ? [start] : [] }
    let step = (stop - start) / Double(count - 1)
    var numbers = (0..<count).map { Double($0) * step + start }
    numbers[count - 1] = stop
    return numbers
}
