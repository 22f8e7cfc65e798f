package import Layers

/// `scheduler/scheduler_config.json` of a FlowMatchEulerDiscreteScheduler.
package struct FlowMatchEulerConfig: SchedulerConfig {
    package var numTrainTimesteps = 1000
    package var shift = 1.0
    package var useDynamicShifting = false
    package var baseShift: Double? = 0.5
    package var maxShift: Double? = 1.15
    package var baseImageSeqLen = 256
    package var maxImageSeqLen = 4096
    package var invertSigmas = false
    package var shiftTerminal: Double?
    package var useKarrasSigmas: Bool? = false
    package var useExponentialSigmas: Bool? = false
    package var useBetaSigmas: Bool? = false
    package var timeShiftType = TimeShift.exponential
    package var stochasticSampling = false
    package var fixedStepRequiresExplicitSigmas = false
    package var fixedStepSamplerConfig: FixedSteps?
    package init() {}

    /// The only steps that a distilled model takes.
    package struct FixedSteps: Codable, Sendable, Equatable {
        /// `sde` where every step adds noise.
        package var sampleType: String?
        /// The noise levels of the steps, from most to least noise.
        package var tList: [Double]?
    }

    /// How the resolution moves the sigmas.
    package enum TimeShift: String, Codable, Sendable { case exponential, linear }

    package func validate() throws(ConfigFault) {
        try requireTrainTimesteps(numTrainTimesteps)
        guard shift.isFinite, shift > 0 else { throw .value("shift", found: "\(shift)") }
        if [useKarrasSigmas, useExponentialSigmas, useBetaSigmas].filter({ $0 == true }).count > 1 {
            throw .unsupported("more than one of use_karras_sigmas, use_exponential_sigmas and use_beta_sigmas")
        }
        if let sigmas = fixedStepSamplerConfig?.tList, !Self.areLevels(sigmas) {
            throw .value("fixed_step_sampler_config.t_list", found: "\(sigmas)")
        }
        guard baseImageSeqLen != maxImageSeqLen else { throw .value("max_image_seq_len", found: "\(maxImageSeqLen)") }
        if let shiftTerminal, !(0..<1).contains(shiftTerminal) {
            throw .value("shift_terminal", found: "\(shiftTerminal)")
        }
    }

    /// Whether numbers can be noise levels of steps: falling, from at most 1 to more than 0.
    private static func areLevels(_ sigmas: [Double]) -> Bool {
        (1...1000).contains(sigmas.count) && sigmas.allSatisfy { $0 > 0 && $0 <= 1 }
            && zip(sigmas, sigmas.dropFirst()).allSatisfy(>)
    }
}
