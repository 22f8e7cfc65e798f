internal import Tensors

/// Decides step by step whether blocks are left out.
protocol StepCacheRule {
    /// How many blocks at the beginning and at the end are always computed.
    var ends: (first: Int, last: Int) { get }
    /// What the change is measured of.
    var signal: StepCacheSignal { get }
    /// The order of the extrapolation of what is used again.
    var order: Int { get }

    /// Begins the next step.
    ///
    /// - Returns: whether all that is kept is to be forgotten
    mutating func begin() -> Bool

    /// Whether blocks of this step may be left out.
    ///
    /// - Parameter change: the relative change of the signal, asked for where it matters; nil if there is nothing to
    ///   compare with
    /// - Returns: false if they must be computed
    mutating func skips(_ change: () throws(TensorError) -> Double?) throws(TensorError) -> Bool

    /// Learns what became of the step.
    ///
    /// - Parameter skipped: whether blocks were left out
    mutating func end(skipped: Bool)
}

/// What a rule measures the change of.
enum StepCacheSignal: Equatable {
    /// What tells TeaCache steps apart, against the step before.
    case input(TeaCacheVariant)
    /// What the first blocks changed, against the last computed step.
    case firstBlocks
}

extension StepCacheSettings {
    /// A rule that knows no step yet.
    ///
    /// - Parameter steps: how many steps there will be
    /// - Returns: the rule of this method
    func rule(steps: Int) -> any StepCacheRule {
        switch method {
        case .teaCache(let settings): TeaCacheRule(settings, steps: steps)
        case .dualBlock(let settings): DualBlockRule(settings, steps: steps)
        }
    }
}
