internal import Foundation
package import Tensors

/// UniPC: a predictor of up to third order from the last predictions, and a corrector that goes over each step again with
/// the prediction at its end.
// Source: diffusers 0.42.1, schedulers/scheduling_unipc_multistep.py.
package struct UniPCMultistep: Scheduler {
    /// The component's `scheduler_config.json`.
    package let config: UniPCConfig

    package init(_ config: UniPCConfig = UniPCConfig()) { self.config = config }

    package var trainTimesteps: Double { Double(config.numTrainTimesteps) }

    package func schedule(steps: Int, mu: Double?) -> NoiseSchedule {
        if let curve { return schedule(along: curve, through: trained.map { Double($0) }, steps: steps) }
        if config.useFlowSigmas {
            let train = Double(config.numTrainTimesteps)
            return flow(linspace(1, 1 / train, steps + 1).dropLast(), mu: mu)
        }
        let (timesteps, trained) = (spacedTimesteps(steps), trained)
        let sigmas = timesteps.map { trained[min(max($0, 0), trained.count - 1)] }
        return NoiseSchedule(
            sigmas: sigmas + [config.finalSigmasType == .zero ? 0 : trained[0]], timesteps: timesteps.map { Float($0) })
    }

    package func schedule(sigmas: [Double], mu: Double?) throws(SchedulerError) -> NoiseSchedule {
        guard config.useFlowSigmas else { throw .takesNoSigmas }
        guard let curve else { return flow(sigmas, mu: mu) }
        return schedule(along: curve, through: sigmas, steps: sigmas.count)
    }

    package func begin(_ schedule: NoiseSchedule, at index: Int) -> any SchedulerRun {
        UniPCRun(UniPCSolver(config, schedule), at: index)
    }

    package func hasFiniteSteps(_ schedule: NoiseSchedule) throws(TensorError) -> Bool {
        let solver = UniPCSolver(config, schedule)
        var before = 0
        for index in schedule.timesteps.indices {
            if index > 0, !config.disableCorrector.contains(index - 1) {
                guard try solver.weights(from: index - 1, order: before, .corrector).areFinite else { return false }
            }
            before = solver.order(at: index, after: min(index, config.solverOrder))
            guard try solver.weights(from: index, order: before, .predictor).areFinite else { return false }
        }
        return true
    }

    private var trained: [Float] { TrainedNoise(config).sigmas }

    /// The curve between two noise levels, where the config asks for one.
    private enum Curve { case karras, exponential, beta }

    private var curve: Curve? {
        if config.useKarrasSigmas { return .karras }
        if config.useExponentialSigmas { return .exponential }
        return config.useBetaSigmas ? .beta : nil
    }

    /// The levels on a curve from the last of some levels to their first.
    private func schedule(along curve: Curve, through levels: [Double], steps: Int) -> NoiseSchedule {
        let (least, most) = (config.sigmaMin ?? levels.first ?? 0, config.sigmaMax ?? levels.last ?? 0)
        func position(_ sigma: Double) -> Double { TrainedNoise.position(of: sigma, in: levels.map { log($0) }) }
        switch curve {
        case .karras:
            let (start, end) = (pow(most, 1 / 7.0), pow(least, 1 / 7.0))
            let sigmas = linspace(0, 1, steps).map { pow(start + $0 * (end - start), 7) }
            if config.useFlowSigmas { return finished(sigmas.map { $0 / ($0 + 1) }) }
            return finished(sigmas, timesteps: sigmas.map { position($0).rounded(.toNearestOrEven) })
        case .exponential:
            let sigmas = linspace(log(most), log(least), steps).map { exp($0) }
            return finished(sigmas, timesteps: sigmas.map(position))
        case .beta:
            let distribution = BetaDistribution(alpha: 0.6, beta: 0.6)
            let sigmas = linspace(0, 1, steps).map { least + distribution.quantile(1 - $0) * (most - least) }
            return finished(sigmas, timesteps: sigmas.map(position))
        }
    }

    /// Noise levels between the image at 0 and noise alone at 1, shifted and stretched as the config says.
    private func flow(_ sigmas: [Double], mu: Double?) -> NoiseSchedule {
        var sigmas = sigmas.map { config.useDynamicShifting ? dynamically(shifted: $0, mu ?? 0) : shifted($0) }
        if let terminal = config.shiftTerminal, terminal != 0, let last = sigmas.last {
            let factor = (1 - last) / (1 - terminal)
            sigmas = sigmas.map { 1 - (1 - $0) / factor }
        }
        // Without signal its logarithm would be infinite.
        if let first = sigmas.first, abs(first - 1) < 1e-6 { sigmas[0] -= 1e-6 }
        return finished(sigmas)
    }

    /// How far noise levels are moved towards the first.
    package var flowShift: Double { config.flowShift }

    private func shifted(_ sigma: Double) -> Double { config.flowShift * sigma / (1 + (config.flowShift - 1) * sigma) }

    private func dynamically(shifted sigma: Double, _ mu: Double) -> Double {
        let factor = config.timeShiftType == .exponential ? exp(mu) : mu
        return factor / (factor + (1 / sigma - 1))
    }

    /// Appends the last level; the model is told whole timesteps, cut off.
    private func finished(_ sigmas: [Double], timesteps: [Double]? = nil) -> NoiseSchedule {
        let final = config.finalSigmasType == .zero ? 0 : sigmas.last ?? 0
        let timesteps = timesteps ?? sigmas.map { $0 * Double(config.numTrainTimesteps) }
        return NoiseSchedule(
            sigmas: (sigmas + [final]).map { Float($0) }, timesteps: timesteps.map { Float($0.rounded(.towardZero)) })
    }

    /// Training timesteps for the steps, from the last one down.
    private func spacedTimesteps(_ steps: Int) -> [Int] {
        let train = config.numTrainTimesteps
        switch config.timestepSpacing {
        case .linspace:
            return linspace(0, Double(train - 1), steps + 1).dropFirst().reversed()
                .map { Int($0.rounded(.toNearestOrEven)) }
        case .leading:
            return (1...max(steps, 1)).reversed().map { $0 * (train / (steps + 1)) + config.stepsOffset }
        case .trailing:
            let ratio = Double(train) / Double(steps)
            // The second number is rounded, and the distance between the first two carries that on.
            let step = (Double(train) - ratio) - Double(train)
            return (0..<Int((Double(train) / ratio).rounded(.up))).map {
                Int((Double(train) + Double($0) * step).rounded(.toNearestOrEven)) - 1
            }
        }
    }
}
