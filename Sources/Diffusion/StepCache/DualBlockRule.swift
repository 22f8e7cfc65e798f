internal import Tensors

/// Cache-DiT's DBCache: the middle blocks are left out while the first blocks' work changes less than a threshold.
// Source: cache-dit 1.5.3, caching/cache_contexts/cache_manager.py, `can_cache` and `similarity`.
struct DualBlockRule: StepCacheRule {
    private let settings: DualBlockSettings
    private let mask: StepsMask?
    private let warmUp: Int
    private var refresh: DualBlockSettings.Refresh?
    /// Since the last refresh.
    private var step = -1
    private var (cached, cachedInARow) = (0, 0)

    /// - Parameters:
    ///   - settings: the thresholds
    ///   - steps: how many steps there will be
    init(_ settings: DualBlockSettings, steps: Int) {
        self.settings = settings
        refresh = settings.refresh
        mask = settings.mask.flatMap { StepsMask($0, steps: steps) }
        warmUp = min(settings.warmUpSteps, mask?.firstComputed ?? settings.warmUpSteps)
    }

    var ends: (first: Int, last: Int) { (settings.firstBlocks, settings.lastBlocks) }
    var order: Int { settings.order }
    let signal = StepCacheSignal.firstBlocks

    mutating func begin() -> Bool {
        step += 1
        guard let due = refresh, step == due.step else { return false }
        if !due.repeats { refresh = nil }
        (step, cached, cachedInARow) = (0, 0, 0)
        return true
    }

    mutating func skips(_ change: () throws(TensorError) -> Double?) throws(TensorError) -> Bool {
        if step < warmUp { return false }
        if let mask {
            if step < mask.isComputed.count, mask.isComputed[step] { return false }
            if settings.ignoresChange { return true }
        }
        func isBelow(_ limit: Int, _ count: Int) -> Bool { limit < 0 || count < limit }
        guard isBelow(settings.maxCachedSteps, cached), isBelow(settings.maxContinuousCachedSteps, cachedInARow) else {
            return false
        }
        guard let change = try change() else { return false }
        return settings.threshold >= 1 || change < settings.threshold
    }

    mutating func end(skipped: Bool) {
        cached += skipped ? 1 : 0
        cachedInARow = skipped ? cachedInARow + 1 : 0
    }
}
