package import Diffusion
package import Layers
package import Tensors

/// `text_encoder/config.json` of a CLIP text model.
package struct CLIPTextConfig: TransformersConfig {
    package var vocabSize = 49408
    package var hiddenSize = 512
    package var intermediateSize = 2048
    package var numHiddenLayers = 12
    package var numAttentionHeads = 8
    package var maxPositionEmbeddings = 77
    package var hiddenAct = Activation.quickGELU
    package var layerNormEps = 1e-5
    package var eosTokenId = 49407
    package init() {}

    package static var idleKeys: Set<String> { [] }
    /// Where the config of a whole CLIP has it.
    package static var nestedKey: String? { "text_config" }

    /// What encoding holds at once besides weights, in bytes.
    ///
    /// - Parameters:
    ///   - texts: how many
    ///   - tokens: of each
    ///   - dtype: the type of weights and activations
    /// - Returns: an upper estimate
    package func activationBytes(texts: Int, tokens: Int, _ dtype: DType) -> MemorySize {
        let widths = 6 * MemorySize(hiddenSize) + 4 * MemorySize(intermediateSize)
        return widths * texts * tokens * dtype.size
    }

    package func validate() throws(ConfigFault) {
        try requirePositive([
            "vocab_size": vocabSize, "hidden_size": hiddenSize, "intermediate_size": intermediateSize,
            "num_hidden_layers": numHiddenLayers, "num_attention_heads": numAttentionHeads,
            "max_position_embeddings": maxPositionEmbeddings,
        ])
        try requireCounts(["num_hidden_layers": numHiddenLayers])
        try requireMultiple("hidden_size", hiddenSize, of: "num_attention_heads", numAttentionHeads)
    }
}
