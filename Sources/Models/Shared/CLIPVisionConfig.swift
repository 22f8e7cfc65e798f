package import Diffusion
package import Layers
package import Tensors

/// `image_encoder/config.json` of a CLIP vision model.
package struct CLIPVisionConfig: TransformersConfig {
    package var hiddenSize = 768
    package var intermediateSize = 3072
    package var numHiddenLayers = 12
    package var numAttentionHeads = 12
    package var numChannels = 3
    package var imageSize = 224
    package var patchSize = 32
    package var hiddenAct = Activation.quickGELU
    package var layerNormEps = 1e-5
    package init() {}

    package static var idleKeys: Set<String> { [] }
    /// Where the config of a whole CLIP has it.
    package static var nestedKey: String? { "vision_config" }

    /// How many patches, and one token for the whole image.
    package var tokens: Int { (MemorySize(imageSize / patchSize) * (imageSize / patchSize) + 1).count }

    /// What encoding holds at once besides weights, in bytes.
    ///
    /// - Parameters:
    ///   - images: how many
    ///   - dtype: the type of weights and activations
    /// - Returns: an upper estimate
    package func activationBytes(images: Int, _ dtype: DType) -> MemorySize {
        let widths = 6 * MemorySize(hiddenSize) + 4 * MemorySize(intermediateSize)
        return widths * images * tokens * dtype.size
    }

    package func validate() throws(ConfigFault) {
        try requirePositive([
            "hidden_size": hiddenSize, "intermediate_size": intermediateSize, "num_hidden_layers": numHiddenLayers,
            "num_attention_heads": numAttentionHeads, "num_channels": numChannels, "image_size": imageSize,
            "patch_size": patchSize,
        ])
        try requireCounts(["num_hidden_layers": numHiddenLayers])
        try requireMultiple("hidden_size", hiddenSize, of: "num_attention_heads", numAttentionHeads)
        if patchSize > imageSize { throw .value("patch_size", found: "\(patchSize)") }
    }
}
