internal import Tensors

/// TeaCache: a step is left out until the scaled changes since the last computed one add up to a threshold.
// Source: TeaCache, arXiv 2411.19108, and its published rule for FLUX.1 and Wan 2.1.
struct TeaCacheRule: StepCacheRule {
    private let settings: TeaCacheSettings
    /// The steps that may be left out.
    private let allowed: Range<Int>
    private var step = -1
    private var distance = 0.0

    /// - Parameters:
    ///   - settings: with coefficients
    ///   - steps: how many steps there will be
    init(_ settings: TeaCacheSettings, steps: Int) {
        self.settings = settings
        allowed =
            switch settings.variant {
            case .standard: 1..<max(1, steps - 1)
            case .retainedSteps: 5..<max(5, steps)
            }
    }

    let ends = (first: 0, last: 0)
    let order = 0
    var signal: StepCacheSignal { .input(settings.variant) }

    mutating func begin() -> Bool {
        step += 1
        return false
    }

    mutating func skips(_ change: () throws(TensorError) -> Double?) throws(TensorError) -> Bool {
        guard allowed.contains(step), let change = try change() else { return false }
        distance += abs(polynomial(change))
        return distance < settings.threshold
    }

    mutating func end(skipped: Bool) {
        if !skipped { distance = 0 }
    }

    private func polynomial(_ x: Double) -> Double {
        (settings.coefficients ?? [1, 0]).reduce(0) { $0 * x + $1 }
    }
}
