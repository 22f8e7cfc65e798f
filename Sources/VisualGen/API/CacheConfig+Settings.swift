internal import Diffusion

extension CacheConfig {
    /// The settings as the engine takes them.
    var settings: StepCacheSettings {
        switch self {
        case .teaCache(let config): StepCacheSettings(.teaCache(config.settings), maxError: config.maxError)
        case .cacheDiT(let config): StepCacheSettings(.dualBlock(config.settings), maxError: config.maxError)
        }
    }
}

extension TeaCacheConfig {
    fileprivate var settings: TeaCacheSettings {
        var settings = TeaCacheSettings()
        settings.threshold = teacacheThresh
        settings.variant = useRetSteps ? .retainedSteps : .standard
        (settings.coefficients, settings.coefficients2) = (coefficients, coefficients2)
        return settings
    }
}

extension CacheDiTConfig {
    fileprivate var settings: DualBlockSettings {
        var settings = DualBlockSettings()
        (settings.firstBlocks, settings.lastBlocks) = (fnComputeBlocks, bnComputeBlocks)
        (settings.warmUpSteps, settings.maxCachedSteps) = (maxWarmupSteps, maxCachedSteps)
        settings.maxContinuousCachedSteps = maxContinuousCachedSteps
        settings.threshold = residualDiffThreshold
        settings.branches = enableSeparateCFG ?? true ? .separate : .joint
        settings.order = enableTaylorSeer ? taylorSeerOrder : 0
        settings.mask = scmStepsMaskPolicy.flatMap { StepsMask.Policy(rawValue: $0.rawValue) }
        settings.ignoresChange = scmStepsPolicy == .static
        settings.refresh = forceRefreshStepHint.map {
            DualBlockSettings.Refresh(step: $0, repeats: forceRefreshStepPolicy == .repeat)
        }
        return settings
    }
}
