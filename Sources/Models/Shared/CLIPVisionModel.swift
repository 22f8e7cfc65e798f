package import Layers
package import Tensors

/// CLIP's image encoder: a transformer over the patches of an image and one token for the whole of it.
// Source: transformers 5.23.0, models/clip/modeling_clip.py.
package struct CLIPVisionModel {
    private let patches, classToken, positions: Tensor
    private let firstNorm: LayerNorm
    private let layers: [CLIPEncoderLayer]
    private let config: CLIPVisionConfig

    /// Parts of a whole CLIP, which this one leaves out: among them the ways to the space that texts share.
    private static let otherParts = ["text_model", "text_projection", "visual_projection"]

    /// Reads the encoder, under `vision_model` or, as newer files have it, without that prefix.
    ///
    /// - Parameters:
    ///   - weights: the view of the component
    ///   - config: its `config.json`
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, _ config: CLIPVisionConfig) throws {
        let model = weights.first(of: ["vision_model", ""], having: "pre_layrnorm.weight")
        let (width, embeddings, stack) = (config.hiddenSize, model["embeddings"], model["encoder"]["layers"])
        embeddings.disregard("position_ids")
        for part in Self.otherParts { weights.disregard(part: part) }
        weights.disregard("logit_scale")
        patches = try embeddings["patch_embedding"]
            .tensor("weight", width, config.numChannels, config.patchSize, config.patchSize)
        classToken = try embeddings.tensor("class_embedding", width)
        positions = try embeddings["position_embedding"].tensor("weight", config.tokens, width)
        firstNorm = try LayerNorm(model["pre_layrnorm"], size: width, epsilon: config.layerNormEps)
        layers = try (0..<config.numHiddenLayers - 1).map { try CLIPEncoderLayer(stack[$0], config) }
        // What makes the pooled state is checked but not kept, as nothing here asks for that state.
        _ = try CLIPEncoderLayer(stack[config.numHiddenLayers - 1], config)
        _ = try LayerNorm(model["post_layernorm"], size: width, epsilon: config.layerNormEps)
        self.config = config
    }

    /// The states before the last layer, `hidden_states[-2]` in the reference, which condition image to video.
    ///
    /// - Parameter pixels: normalised images, `[batch, channels, imageSize, imageSize]`
    /// - Returns: the whole image's token, then the patches row by row, `[batch, tokens, width]`
    package func callAsFunction(_ pixels: Tensor) throws(TensorError) -> Tensor {
        let grid = try convolution2D(
            pixels.to(patches.dtype, on: patches.device), weight: patches, bias: nil, stride: config.patchSize,
            padding: 0)
        let (batch, width) = (grid.size(0), grid.size(1))
        let ofPatches = try grid.reshaped(batch, width, -1).transposed(1, 2)
        let ofImage = try classToken.expanded(batch, 1, width)
        var states = try firstNorm(concatenate([ofImage, ofPatches], axis: 1) + positions).to(.float32)
        for layer in layers { states = try layer(states, mask: nil) }
        return try states.to(patches.dtype)
    }
}
