package import Layers

/// `scheduler/scheduler_config.json` of a UniPCMultistepScheduler.
package struct UniPCConfig: SchedulerConfig {
    package var numTrainTimesteps = 1000
    package var betaStart = 0.0001
    package var betaEnd = 0.02
    package var betaSchedule = BetaSchedule.linear
    package var rescaleBetasZeroSnr = false
    package var solverOrder = 2
    package var predictionType = Prediction.epsilon
    package var thresholding = false
    package var predictX0 = true
    package var solverType = Solver.bh2
    package var lowerOrderFinal = true
    package var disableCorrector: [Int] = []
    package var useKarrasSigmas = false
    package var useExponentialSigmas = false
    package var useBetaSigmas = false
    package var useFlowSigmas = false
    package var flowShift = 1.0
    package var timestepSpacing = Spacing.linspace
    package var stepsOffset = 0
    package var finalSigmasType = FinalSigma.zero
    package var useDynamicShifting = false
    package var timeShiftType = FlowMatchEulerConfig.TimeShift.exponential
    package var sigmaMin: Double?
    package var sigmaMax: Double?
    package var shiftTerminal: Double?
    package init() {}

    /// How noise grew over the training timesteps.
    package enum BetaSchedule: String, Codable, Sendable {
        case linear
        case scaledLinear = "scaled_linear"
        case cosine = "squaredcos_cap_v2"
    }

    /// What the model predicts.
    package enum Prediction: String, Codable, Sendable {
        case epsilon, sample
        case velocity = "v_prediction"
        case flow = "flow_prediction"
    }

    /// The function B(h) of the method; the last three are names of other methods' solvers, which mean `bh2`.
    package enum Solver: String, Codable, Sendable { case bh1, bh2, midpoint, heun, logrho }

    /// How timesteps are spread over training's, where sigmas follow from them.
    package enum Spacing: String, Codable, Sendable { case linspace, leading, trailing }

    /// The noise level after the last step.
    package enum FinalSigma: String, Codable, Sendable {
        case zero
        case least = "sigma_min"
    }

    /// What only matters to thresholding.
    package static let idleKeys: Set<String> = ["dynamic_thresholding_ratio", "sample_max_value"]
    package static let refusedKeys: Set<String> = ["solver_p", "trained_betas"]

    package func validate() throws(ConfigFault) {
        try requireTrainTimesteps(numTrainTimesteps)
        guard (1...3).contains(solverOrder) else { throw .value("solver_order", found: "\(solverOrder)") }
        guard stepsOffset >= 0 else { throw .value("steps_offset", found: "\(stepsOffset)") }
        guard flowShift.isFinite, flowShift > 0 else { throw .value("flow_shift", found: "\(flowShift)") }
        if thresholding { throw .unsupported("thresholding") }
        if [useKarrasSigmas, useExponentialSigmas, useBetaSigmas].filter({ $0 }).count > 1 {
            throw .unsupported("more than one of use_karras_sigmas, use_exponential_sigmas and use_beta_sigmas")
        }
        for (key, sigma) in [("sigma_min", sigmaMin), ("sigma_max", sigmaMax)] {
            if let sigma, !(sigma.isFinite && sigma > 0) { throw .value(key, found: "\(sigma)") }
        }
        if let shiftTerminal {
            guard useFlowSigmas else { throw .unsupported("shift_terminal without use_flow_sigmas") }
            guard (0..<1).contains(shiftTerminal) else { throw .value("shift_terminal", found: "\(shiftTerminal)") }
        }
        if predictionType == .flow, !predictX0 { throw .unsupported("flow_prediction with predict_x0 false") }
        try requireFiniteSteps()
    }

    /// Refuses what divides zero by zero, or multiplies it with an infinite step, at the end of every run.
    private func requireFiniteSteps() throws(ConfigFault) {
        let full = !lowerOrderFinal && solverOrder > 1
        switch finalSigmasType {
        case .zero where !predictX0: throw .unsupported("predict_x0 false with a final sigma of zero")
        case .zero where solverType == .bh1: throw .unsupported("solver_type bh1 with a final sigma of zero")
        case .zero where full: throw .unsupported("lower_order_final false with a final sigma of zero")
        case .least where full && solverOrder > 2 && repeatsLeast:
            throw .unsupported("lower_order_final false with solver_order 3 and two equal final sigmas")
        default: break
        }
    }

    /// Whether a final sigma other than zero is that of the last step again.
    private var repeatsLeast: Bool { useFlowSigmas || useKarrasSigmas || useExponentialSigmas || useBetaSigmas }
}
