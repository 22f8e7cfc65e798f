/// TeaCache: a step is left out while the timestep embedding has changed little (`cache_backend: teacache`).
public struct TeaCacheConfig: Sendable, Equatable {
    /// The accumulated change from which on a step is computed (`teacache_thresh`): above 0, default 0.2.
    public var teacacheThresh = 0.2
    /// Whether the first steps are always computed, as some coefficients want it (`use_ret_steps`): default false.
    public var useRetSteps = false
    /// The polynomial that scales the change, highest power first (`coefficients`): default null, the model's own.
    ///
    /// Not empty if given.
    public var coefficients: [Double]?
    /// The polynomial of a second transformer, such as Wan 2.2's for low noise (`coefficients_2`): default null.
    ///
    /// Not empty if given.
    public var coefficients2: [Double]?
    /// The relative error of a prediction from which on every step is computed (`max_error`): above 0, default null.
    ///
    /// Ours, not TensorRT-LLM's. Every fourth step that would be left out is computed too, to measure it; null measures
    /// nothing.
    public var maxError: Double?

    /// The usual threshold with the model's own coefficients.
    public init() {}
}

extension TeaCacheConfig: ConfigRecord {
    mutating func exchange(_ fields: inout ConfigFields) {
        fields.exchange("teacache_thresh", &teacacheThresh, .above(0))
        fields.exchange("use_ret_steps", &useRetSteps)
        fields.exchange("coefficients", &coefficients, .orNull(.notEmptyList()))
        fields.exchange("coefficients_2", &coefficients2, .orNull(.notEmptyList()))
        fields.exchange("max_error", &maxError, .orNull(.above(0)))
    }
}
