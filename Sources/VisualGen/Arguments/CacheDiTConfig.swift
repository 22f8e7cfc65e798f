/// Cache-DiT: the middle blocks of a step are left out while the first ones change little (`cache_backend: cache_dit`).
public struct CacheDiTConfig: Sendable, Equatable {
    /// How many blocks at the beginning are always computed (`Fn_compute_blocks`): at least 1, default 1.
    public var fnComputeBlocks = 1
    /// How many blocks at the end are always computed (`Bn_compute_blocks`): at least 0, default 0.
    public var bnComputeBlocks = 0
    /// How many steps at the beginning are computed whole (`max_warmup_steps`): at least 0, default 4.
    public var maxWarmupSteps = 4
    /// How many steps at most use the cache (`max_cached_steps`): default -1, which is any number.
    public var maxCachedSteps = -1
    /// How many steps in a row use the cache (`max_continuous_cached_steps`): default 3.
    ///
    /// At least -1, which is any number.
    public var maxContinuousCachedSteps = 3
    /// The relative change of the first blocks up to which the cache is used (`residual_diff_threshold`): default 0.24.
    ///
    /// Above 0.
    public var residualDiffThreshold = 0.24
    /// Whether each branch of guidance has its own cache (`enable_separate_cfg`): default null, the model's choice.
    public var enableSeparateCFG: Bool?
    /// Whether cached results are extrapolated (`enable_taylorseer`): default false.
    public var enableTaylorSeer = false
    /// The order of the extrapolation (`taylorseer_order`): from 1 to 4, default 1.
    public var taylorSeerOrder = 1
    /// A fixed pattern of computed steps (`scm_steps_mask_policy`): default null, which is none.
    public var scmStepsMaskPolicy: StepsMaskPolicy?
    /// Whether the pattern is followed blindly (`scm_steps_policy`): default dynamic.
    public var scmStepsPolicy = StepsPolicy.dynamic
    /// The step at which the cache is filled anew (`force_refresh_step_hint`): default null, which is none.
    ///
    /// At least 1.
    public var forceRefreshStepHint: Int?
    /// How often it is filled anew (`force_refresh_step_policy`): default once.
    public var forceRefreshStepPolicy = RefreshPolicy.once
    /// The relative error of a prediction from which on every step is computed (`max_error`): above 0, default null.
    ///
    /// Ours, not TensorRT-LLM's. Every fourth step that would be cached is computed too, to measure it; null measures
    /// nothing.
    public var maxError: Double?

    /// A pattern of computed steps, from the most of them to the fewest.
    public enum StepsMaskPolicy: String, Sendable, CaseIterable {
        /// Most steps are computed.
        case slow
        /// Fewer.
        case medium
        /// Fewer still.
        case fast
        /// The fewest.
        case ultra
    }

    /// How a pattern of steps is used.
    public enum StepsPolicy: String, Sendable, CaseIterable {
        /// Steps that may use the cache do so where the change is small.
        case dynamic
        /// Steps that may use the cache do so.
        case `static`
    }

    /// How often something is done.
    public enum RefreshPolicy: String, Sendable, CaseIterable {
        /// At one step.
        case once
        /// Each time that many steps have passed.
        case `repeat`
    }

    /// The usual thresholds.
    public init() {}
}

extension CacheDiTConfig: ConfigRecord {
    mutating func exchange(_ fields: inout ConfigFields) {
        fields.exchange("Fn_compute_blocks", &fnComputeBlocks, .atLeast(1))
        fields.exchange("Bn_compute_blocks", &bnComputeBlocks, .atLeast(0))
        fields.exchange("max_warmup_steps", &maxWarmupSteps, .atLeast(0))
        fields.exchange("max_cached_steps", &maxCachedSteps)
        fields.exchange("max_continuous_cached_steps", &maxContinuousCachedSteps, .atLeast(-1))
        fields.exchange("residual_diff_threshold", &residualDiffThreshold, .above(0))
        fields.exchange("enable_separate_cfg", &enableSeparateCFG)
        fields.exchange("enable_taylorseer", &enableTaylorSeer)
        fields.exchange("taylorseer_order", &taylorSeerOrder, .within(1...4))
        fields.exchange("scm_steps_mask_policy", &scmStepsMaskPolicy)
        fields.exchange("scm_steps_policy", &scmStepsPolicy)
        fields.exchange("force_refresh_step_hint", &forceRefreshStepHint, .orNull(.atLeast(1)))
        fields.exchange("force_refresh_step_policy", &forceRefreshStepPolicy)
        fields.exchange("max_error", &maxError, .orNull(.above(0)))
    }
}

extension CacheDiTConfig.StepsMaskPolicy: ConfigName {}

extension CacheDiTConfig.StepsPolicy: ConfigName {}

extension CacheDiTConfig.RefreshPolicy: ConfigName {}
