/// How attention is computed (`attention_config`).
public struct AttentionConfig: Sendable, Equatable {
    /// The kernels (`backend`): default VANILLA.
    public var backend = Backend.vanilla
    /// Attention in fewer bits (`quant_attention_config`): default null, which is none.
    ///
    /// The recipe must be one of the backend's: TRTLLM, CUTEDSL and FLASHINFER have some.
    public var quantAttentionConfig: QuantAttentionConfig?
    /// Attention that leaves out part of the work (`sparse_attention_config`): default null, which is none.
    public var sparseAttentionConfig: SparseAttentionConfig?

    /// Kernels for attention.
    public enum Backend: String, Sendable, CaseIterable {
        /// LibTorch's own, on every device.
        case vanilla = "VANILLA"
        /// TensorRT-LLM's.
        case trtllm = "TRTLLM"
        /// FlashAttention 4.
        case fa4 = "FA4"
        /// Kernels in CuTe DSL, for Blackwell.
        case cuteDSL = "CUTEDSL"
        /// FlashInfer's.
        case flashInfer = "FLASHINFER"
        /// TransformerEngine's.
        case te = "TE"
        /// cuDNN's.
        case cuDNN = "CUDNN"

        /// Whether it returns the log-sum-exp that context parallelism needs.
        var returnsLogSumExp: Bool { self == .fa4 || self == .cuteDSL }
    }

    /// LibTorch's kernels, exact.
    public init() {}
}

extension AttentionConfig.Backend: ConfigName {}

extension AttentionConfig: ConfigRecord {
    mutating func exchange(_ fields: inout ConfigFields) {
        fields.exchange("backend", &backend)
        fields.exchange("quant_attention_config", &quantAttentionConfig)
        fields.exchange("sparse_attention_config", &sparseAttentionConfig)
        if let quantAttentionConfig { requireRecipe(quantAttentionConfig, &fields) }
        if let sparseAttentionConfig { requireBackend(of: sparseAttentionConfig, &fields) }
    }

    private func requireRecipe(_ quantised: QuantAttentionConfig, _ fields: inout ConfigFields) {
        guard let recipes = QuantAttentionConfig.recipes[backend] else {
            fields.require(
                false, "quant_attention_config", with: ["backend"],
                "needs backend TRTLLM, CUTEDSL or FLASHINFER, not \(backend.rawValue)")
            return
        }
        fields.require(
            recipes.contains(quantised.recipe), "quant_attention_config", with: ["backend"],
            "asks for \(quantised.recipe), which backend \(backend.rawValue) does not have; it has "
                + recipes.joined(separator: ", "))
    }

    private func requireBackend(of sparse: SparseAttentionConfig, _ fields: inout ConfigFields) {
        fields.require(
            backend == .trtllm || backend == .cuteDSL, "sparse_attention_config", with: ["backend"],
            "with algorithm \(sparse.tag) needs backend TRTLLM or CUTEDSL, not \(backend.rawValue)")
        guard let quantAttentionConfig else { return }
        if case .skipSoftmax = sparse {
            fields.require(
                backend != .cuteDSL || [.mxfp8, .nvfp4].contains(quantAttentionConfig.qkDtype),
                "sparse_attention_config", with: ["backend", "quant_attention_config"],
                "with algorithm skip_softmax and backend CUTEDSL needs qk_dtype mxfp8 or nvfp4, not "
                    + quantAttentionConfig.qkDtype.rawValue)
        } else {
            fields.require(
                false, "sparse_attention_config", with: ["quant_attention_config"],
                "with algorithm \(sparse.tag) excludes quant_attention_config")
        }
    }
}
