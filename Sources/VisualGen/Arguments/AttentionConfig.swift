/// How attention is computed (`attention_config`).
public struct AttentionConfig: Sendable, Equatable {
    /// The kernels (`backend`): default VANILLA.
    public var backend = Backend.vanilla
    /// Attention in fewer bits (`quant_attention_config`): default null, which is none.
    ///
    /// The recipe must be one of the backend's: TRTLLM, CUTEDSL and FLASHINFER have some.
    public var quantAttentionConfig: QuantAttentionConfig?
    /// The steps of a request that ``quantAttentionConfig`` leaves exact (`exact_steps`): default none.
    public var exactSteps = ExactSteps()
    /// Patterns of the attentions that ``quantAttentionConfig`` leaves exact (`exact_layers`), by their names in the checkpoint,
    /// as `blocks.0.*`: default `[]`.
    public var exactLayers: [String] = []
    /// Attention that leaves out part of the work (`sparse_attention_config`): default null, which is none.
    public var sparseAttentionConfig: SparseAttentionConfig?

    /// Kernels for attention, by TensorRT-LLM's names; docs/attention.md says what they are here.
    public enum Backend: String, Sendable, CaseIterable {
        /// The exact kernel of the device.
        case vanilla = "VANILLA"
        /// The same, or SageAttention with a ``AttentionConfig/quantAttentionConfig``.
        case trtllm = "TRTLLM"
        /// A kernel that tells log-sum-exp too.
        case fa4 = "FA4"
        /// The exact kernel of the device, or QK16PV8 with a ``AttentionConfig/quantAttentionConfig``.
        case cuteDSL = "CUTEDSL"
        /// FlashInfer's, which this build does not have.
        case flashInfer = "FLASHINFER"
        /// TransformerEngine's, which this build does not have.
        case te = "TE"
        /// cuDNN's, on a GPU.
        case cuDNN = "CUDNN"

        /// Whether it returns the log-sum-exp that context parallelism needs.
        var returnsLogSumExp: Bool { self == .fa4 || self == .cuteDSL }
    }

    /// The first and the last steps of a request.
    public struct ExactSteps: Sendable, Equatable {
        /// How many of the first (`first`): at least 0, default 0.
        public var first = 0
        /// How many of the last (`last`): at least 0, default 0.
        public var last = 0

        /// None.
        public init() {}
    }

    /// The device's kernel, exact.
    public init() {}
}

extension AttentionConfig.ExactSteps: ConfigRecord {
    mutating func exchange(_ fields: inout ConfigFields) {
        fields.exchange("first", &first, .atLeast(0))
        fields.exchange("last", &last, .atLeast(0))
    }
}

extension AttentionConfig.Backend: ConfigName {}

extension AttentionConfig: ConfigRecord {
    mutating func exchange(_ fields: inout ConfigFields) {
        fields.exchange("backend", &backend)
        fields.exchange("quant_attention_config", &quantAttentionConfig)
        fields.exchange("sparse_attention_config", &sparseAttentionConfig)
        fields.exchange("exact_steps", &exactSteps)
        fields.exchange("exact_layers", &exactLayers, .each(.pattern))
        if let quantAttentionConfig {
            requireRecipe(quantAttentionConfig, &fields)
        } else {
            let others = ["quant_attention_config"]
            fields.require(exactSteps == ExactSteps(), "exact_steps", with: others, "needs quant_attention_config")
            fields.require(exactLayers.isEmpty, "exact_layers", with: others, "needs quant_attention_config")
        }
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
