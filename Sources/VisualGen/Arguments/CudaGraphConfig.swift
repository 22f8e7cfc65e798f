/// Replay of recorded GPU work (`cuda_graph_config`).
public struct CudaGraphConfig: Sendable, Equatable {
    /// Whether the transformer's forward pass is recorded and replayed (`enable`): default false.
    public var enable = false

    /// No graphs.
    public init() {}
}

extension CudaGraphConfig: ConfigRecord {
    mutating func exchange(_ fields: inout ConfigFields) { fields.exchange("enable", &enable) }
}
