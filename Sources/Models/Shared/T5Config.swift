package import Layers
package import Tensors

/// `config.json` of a T5 or UMT5 encoder.
package struct T5Config: ModelConfig {
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
    package init() {}

    package static var ignoredKeys: Set<String> {
        [
            "pad_token_id", "eos_token_id", "is_encoder_decoder", "is_decoder", "num_decoder_layers",
            "n_positions", "dense_act_fn", "is_gated_act", "scale_decoder_outputs", "scalable_attention",
            "tokenizer_class",
        ]
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
    package func activationBytes(texts: Int, tokens: Int, _ dtype: DType) -> Int {
        let sums = texts * tokens * 3 * dModel * DType.float32.size
        let streams = texts * tokens * 5 * max(dFf, numHeads * dKv)
        let tables = isUMT5 ? 3 + 2 * texts : 3
        let distances = tables * numHeads * tokens * tokens
        return sums + (streams + distances) * dtype.size
    }

    package func validate() throws(ConfigFault) {
        try requirePositive([
            "vocab_size": vocabSize, "d_model": dModel, "d_kv": dKv, "d_ff": dFf, "num_layers": numLayers,
            "num_heads": numHeads,
        ])
        guard relativeAttentionNumBuckets >= 4, relativeAttentionMaxDistance > relativeAttentionNumBuckets / 4 else {
            throw .value("relative_attention_num_buckets", found: "\(relativeAttentionNumBuckets)")
        }
        if activation == nil { throw .value("feed_forward_proj", found: "\"\(feedForwardProj)\"") }
    }
}
