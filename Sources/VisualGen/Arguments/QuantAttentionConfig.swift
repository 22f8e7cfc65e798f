/// A recipe for attention in fewer bits (`quant_attention_config`); which recipes there are depends on the backend.
public struct QuantAttentionConfig: Sendable, Equatable {
    /// The type of queries and keys (`qk_dtype`): default bf16, which leaves them as they are.
    public var qkDtype = QueryKeyType.bf16
    /// The type of values (`v_dtype`): default fp8.
    public var vDtype = ValueType.fp8
    /// How many query tokens share a scale (`q_block_size`): at least 0, default 0, which is the type's own block.
    public var qBlockSize = 0
    /// How many key tokens share a scale (`k_block_size`): at least 0, default 0, which is the type's own block.
    public var kBlockSize = 0
    /// How values share a scale (`v_block_size`): 0, the default, is one for all, 1 is one for each channel.
    public var vBlockSize = 0

    /// A type of queries and keys.
    public enum QueryKeyType: String, Sendable, CaseIterable {
        /// 16 bits, not quantised.
        case bf16
        /// Whole numbers of 8 bits.
        case int8
        /// 8 bits, E4M3.
        case fp8
        /// 8 bits, with a scale for each 32 values.
        case mxfp8
        /// 4 bits, with a scale for each 16 values.
        case nvfp4
    }

    /// A type of values.
    public enum ValueType: String, Sendable, CaseIterable {
        /// 8 bits, E4M3.
        case fp8
        /// 4 bits, with a scale for each 16 values.
        case nvfp4
    }

    /// Queries and keys as they are, values in 8 bits.
    public init() {}
}

extension QuantAttentionConfig.QueryKeyType: ConfigName {}
extension QuantAttentionConfig.ValueType: ConfigName {}

extension QuantAttentionConfig: ConfigRecord {
    mutating func exchange(_ fields: inout ConfigFields) {
        fields.exchange("qk_dtype", &qkDtype)
        fields.exchange("v_dtype", &vDtype)
        fields.exchange("q_block_size", &qBlockSize, .atLeast(0))
        fields.exchange("k_block_size", &kBlockSize, .atLeast(0))
        fields.exchange("v_block_size", &vBlockSize, .atLeast(0))
    }
}

extension QuantAttentionConfig {
    /// The recipe in short: `int8/fp8 (1,16,1)`.
    package var recipe: String {
        "\(qkDtype.rawValue)/\(vDtype.rawValue) (\(qBlockSize),\(kBlockSize),\(vBlockSize))"
    }

    /// The recipes of each backend; a backend that is not here has none.
    static let recipes: [AttentionConfig.Backend: [String]] = [
        .trtllm: [
            "int8/fp8 (1,1,1)", "int8/fp8 (1,4,1)", "int8/fp8 (1,16,1)", "fp8/fp8 (1,1,1)", "fp8/fp8 (1,4,1)",
        ],
        .cuteDSL: [
            "bf16/fp8 (0,0,0)", "mxfp8/fp8 (0,0,0)", "mxfp8/fp8 (0,0,1)", "nvfp4/fp8 (0,0,0)", "nvfp4/fp8 (0,0,1)",
        ],
        .flashInfer: ["mxfp8/fp8 (0,0,0)", "nvfp4/fp8 (0,0,0)", "nvfp4/nvfp4 (0,0,0)"],
    ]
}
