/// What TensorRT-LLM has compiled (`torch_compile_config`).
///
/// There is no compiler here, as the kernels are fused already: the values are read, checked and change nothing.
public struct TorchCompileConfig: Sendable, Equatable {
    /// Whether blocks are compiled (`enable`): default true.
    public var enable = true
    /// Whether a block must be compiled as a whole (`enable_fullgraph`): default false.
    public var enableFullgraph = false
    /// Whether kernels are timed and the fastest taken (`enable_autotune`): default true.
    public var enableAutotune = true

    /// TensorRT-LLM's defaults.
    public init() {}
}

extension TorchCompileConfig: ConfigRecord {
    mutating func exchange(_ fields: inout ConfigFields) {
        fields.exchange("enable", &enable)
        fields.exchange("enable_fullgraph", &enableFullgraph)
        fields.exchange("enable_autotune", &enableAutotune)
    }
}
