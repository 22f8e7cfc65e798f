package import Diffusion
package import Layers
package import Tensors

/// `config.json` of a T5 or UMT5 encoder.
package struct T5Config: TransformersConfig {
    package var modelType = "t5"
    package var vocabSize = 32128
    package var dModel = 512
    package var dKv = 64
    package var dFf = 2048
    package var numLayers = 6
    package var numHeads = 8
    package var relativeAttentionNumBuckets = 32
    package var relativeAttentionMaxDistance = 128
    package var layerNormEpsilon = 1e-6
    package var feedForwardProj = "relu"
    /// What newer libraries write beside `feed_forward_proj`, and obey where it says otherwise.
    package var denseActFn: String?
    package var isGatedAct: Bool?
    package init() {}

    package static var idleKeys: Set<String> {
        ["num_decoder_layers", "n_positions", "scale_decoder_outputs", "scalable_attention"]
    }

    /// Whether the encoder is a UMT5: every layer has its own table of distances.
    package var isUMT5: Bool { modelType == "umt5" }

    /// Whether the feed-forward layer has a gate (`gated-gelu`).
    package var isGated: Bool { feedForwardProj.hasPrefix("gated-") }

    /// The feed-forward layer's activation; `gated-gelu` has always meant the tanh approximation.
    package var activation: Activation? {
        if feedForwardProj == "gated-gelu" { return .geluNew }
        return Activation(rawValue: isGated ? String(feedForwardProj.dropFirst(6)) : feedForwardProj)
    }

    /// What encoding holds at once besides weights, in bytes.
    ///
    /// - Parameters:
    ///   - texts: how many
    ///   - tokens: of each
    ///   - dtype: the type of weights and activations
    /// - Returns: an upper estimate
    package func activationBytes(texts: Int, tokens: Int, _ dtype: DType) -> MemorySize {
        let texts = MemorySize(texts)
        let sums = texts * tokens * 3 * dModel * DType.float32.size
        let streams = texts * tokens * 5 * max(MemorySize(dFf), MemorySize(numHeads) * dKv)
        let tables: MemorySize = isUMT5 ? 2 * texts + 3 : 3
        let distances = tables * numHeads * tokens * tokens
        return sums + (streams + distances) * dtype.size
    }

    package func validate() throws(ConfigFault) {
        try requirePositive([
            "vocab_size": vocabSize, "d_model": dModel, "d_kv": dKv, "d_ff": dFf, "num_layers": numLayers,
            "num_heads": numHeads,
        ])
        try requireCounts(["num_layers": numLayers])
        guard relativeAttentionNumBuckets >= 4, relativeAttentionMaxDistance > relativeAttentionNumBuckets / 4 else {
            throw .value("relative_attention_num_buckets", found: "\(relativeAttentionNumBuckets)")
        }
        if activation == nil { throw .value("feed_forward_proj", found: "\"\(feedForwardProj)\"") }
        if let denseActFn, Activation(rawValue: denseActFn) != activation {
            throw .value("dense_act_fn", found: "\"\(denseActFn)\"")
        }
        if let isGatedAct, isGatedAct != isGated { throw .value("is_gated_act", found: "\(isGatedAct)") }
    }
}
