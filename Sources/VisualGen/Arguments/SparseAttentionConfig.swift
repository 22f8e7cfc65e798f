/// Attention that leaves out part of the work (`sparse_attention_config`), told apart by `algorithm`.
public enum SparseAttentionConfig: Sendable, Equatable {
    /// Blocks of little weight are skipped (`skip_softmax`): with TRTLLM or CUTEDSL.
    case skipSoftmax(SkipSoftmaxAttentionConfig)
    /// Only the cubes of a video that matter are attended to (`vsa`): with CUTEDSL or TRTLLM.
    ///
    /// It needs a checkpoint made for it.
    case videoSparse(VideoSparseAttentionConfig)
    /// Blocks of little weight are approximated (`sol_attn`): with CUTEDSL or TRTLLM.
    case sol(SolAttentionConfig)
}

/// Sparse attention that skips the softmax of blocks of little weight (`algorithm: skip_softmax`).
public struct SkipSoftmaxAttentionConfig: Sendable, Equatable {
    /// A block's threshold (`threshold_scale_factor`): default null.
    ///
    /// The kernel scales it by the sequence's length. It wins over ``targetSparsity``.
    public var thresholdScaleFactor: Double?
    /// The share of blocks to skip (`target_sparsity`): from 0 to 1, default null, which is the checkpoint's.
    ///
    /// It needs a checkpoint that was calibrated for it.
    public var targetSparsity: Double?
    /// The normalised timestep from which on attention stays dense (`disabled_until_timestep`): 0 to 1, default null.
    public var disabledUntilTimestep: Double?

    /// What the checkpoint says.
    public init() {}
}

/// Sparse attention over cubes of a video, for checkpoints trained with it (`algorithm: vsa`).
public struct VideoSparseAttentionConfig: Sendable, Equatable {
    /// The share of cubes left out (`vsa_sparsity`): from 0 to 1, default 0.9; 0 is dense.
    public var vsaSparsity = 0.9

    /// Nine cubes in ten left out.
    public init() {}
}

/// Sparse attention that approximates blocks below a threshold (`algorithm: sol_attn`).
public struct SolAttentionConfig: Sendable, Equatable {
    /// The threshold, in standard deviations above the mean score of a block (`tau`): default 1.
    public var tau = 1.0
    /// How the threshold is found (`thresh_type`): default diag.
    public var threshType = ThresholdType.diag
    /// The normalised timestep from which on attention stays dense (`disabled_until_timestep`): default null.
    ///
    /// Above 0, at most 1; null is sparse at every step.
    public var disabledUntilTimestep: Double?
    /// The indices of layers that stay dense (`dense_layers`): each at least 0, default null, which is none.
    public var denseLayers: [Int]?

    /// A way to find the threshold.
    public enum ThresholdType: String, Sendable, CaseIterable {
        /// Each channel of the keys on its own.
        case diag
        /// The whole covariance of the keys.
        case exact
    }

    /// Sparse at every step and in every layer.
    public init() {}
}

extension SkipSoftmaxAttentionConfig: ConfigRecord {
    mutating func exchange(_ fields: inout ConfigFields) {
        fields.exchange("threshold_scale_factor", &thresholdScaleFactor)
        fields.exchange("target_sparsity", &targetSparsity, .orNull(.within(0...1)))
        fields.exchange("disabled_until_timestep", &disabledUntilTimestep, .orNull(.within(0...1)))
    }
}

extension VideoSparseAttentionConfig: ConfigRecord {
    mutating func exchange(_ fields: inout ConfigFields) {
        fields.exchange("vsa_sparsity", &vsaSparsity, .within(0...1))
    }
}

extension SolAttentionConfig: ConfigRecord {
    mutating func exchange(_ fields: inout ConfigFields) {
        fields.exchange("tau", &tau)
        fields.exchange("thresh_type", &threshType)
        fields.exchange(
            "disabled_until_timestep", &disabledUntilTimestep,
            .orNull(.must("above 0, at most 1") { $0 > 0 && $0 <= 1 }))
        fields.exchange("dense_layers", &denseLayers, .orNull(.each(.atLeast(0))))
    }
}

extension SolAttentionConfig.ThresholdType: ConfigName {}

extension SparseAttentionConfig: ConfigUnion {
    static var tagField: String { "algorithm" }
    static var tags: [String] { ["skip_softmax", "vsa", "sol_attn"] }

    init?(tag: String) {
        switch tag {
        case "skip_softmax": self = .skipSoftmax(SkipSoftmaxAttentionConfig())
        case "vsa": self = .videoSparse(VideoSparseAttentionConfig())
        case "sol_attn": self = .sol(SolAttentionConfig())
        default: return nil
        }
    }

    var tag: String {
        switch self {
        case .skipSoftmax: "skip_softmax"
        case .videoSparse: "vsa"
        case .sol: "sol_attn"
        }
    }

    mutating func exchange(_ fields: inout ConfigFields) {
        switch self {
        case .skipSoftmax(var config):
            config.exchange(&fields)
            self = .skipSoftmax(config)
        case .videoSparse(var config):
            config.exchange(&fields)
            self = .videoSparse(config)
        case .sol(var config):
            config.exchange(&fields)
            self = .sol(config)
        }
    }
}
