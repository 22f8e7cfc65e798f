package import Layers
package import Tensors

/// CLIP's text encoder: a causal transformer, of which the state at the end-of-text token stands for the whole text.
// Source: transformers 5.23.0, models/clip/modeling_clip.py.
package struct CLIPTextModel {
    private let tokenEmbedding: Embedding
    private let positions: Tensor
    private let layers: [CLIPEncoderLayer]
    private let finalNorm: WideLayerNorm
    private let config: CLIPTextConfig

    /// Parts of a whole CLIP, which this one leaves out.
    private static let otherParts = ["vision_model", "visual_projection", "text_projection"]

    /// Reads the encoder, under `text_model` or, as newer files have it, without that prefix.
    ///
    /// - Parameters:
    ///   - weights: the view of the component
    ///   - config: its `config.json`
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, _ config: CLIPTextConfig) throws {
        let model = weights.first(of: ["text_model", ""], having: "final_layer_norm.weight")
        let embeddings = model["embeddings"]
        embeddings.disregard("position_ids")
        for part in Self.otherParts { weights.disregard(part: part) }
        weights.disregard("logit_scale")
        tokenEmbedding = try Embedding(embeddings["token_embedding"], count: config.vocabSize, width: config.hiddenSize)
        positions = try embeddings["position_embedding"]
            .tensor("weight", config.maxPositionEmbeddings, config.hiddenSize)
        layers = try (0..<config.numHiddenLayers).map { try CLIPEncoderLayer(model["encoder"]["layers"][$0], config) }
        finalNorm = try WideLayerNorm(model["final_layer_norm"], size: config.hiddenSize, epsilon: config.layerNormEps)
        self.config = config
    }

    /// Encodes texts.
    ///
    /// - Parameter ids: one row a text, all of one length up to the model's positions
    /// - Returns: every token's final state `[batch, tokens, width]`, and each text's pooled state `[batch, width]`
    package func callAsFunction(_ ids: [[Int32]]) throws(TensorError) -> (states: Tensor, pooled: Tensor) {
        let tokens = ids.first?.count ?? 0
        let device = positions.device
        let mask = try causalMask(tokens).to(positions.dtype, on: device)
        let indices = try Tensor(ids.flatMap { $0 }, shape: [ids.count, tokens], on: device)
        var states = try tokenEmbedding(indices).to(.float32) + positions.slice(0..<tokens, axis: 0)
        for layer in layers { states = try layer(states, mask: mask) }
        states = try finalNorm(states).to(positions.dtype)
        var pooled: [Tensor] = []
        for (row, text) in ids.enumerated() {
            pooled.append(try states.select(row, axis: 0).select(endOfText(text), axis: 0))
        }
        return (states, try stack(pooled, axis: 0))
    }

    /// Where a text ends.
    ///
    /// Old configs carry the wrong id 2; there the end is the greatest id, as in the original model.
    private func endOfText(_ ids: [Int32]) -> Int {
        if config.eosTokenId == 2 { return ids.firstIndex(of: ids.max() ?? 0) ?? 0 }
        return ids.firstIndex(of: Int32(clamping: config.eosTokenId)) ?? 0
    }

    /// Hides the tokens that come later, `[1, 1, tokens, tokens]`.
    private func causalMask(_ tokens: Int) throws(TensorError) -> Tensor {
        var mask = [Float](repeating: 0, count: tokens * tokens)
        for row in 0..<tokens {
            for column in row + 1..<max(tokens, row + 1) { mask[row * tokens + column] = -.infinity }
        }
        return try Tensor(mask, shape: [1, 1, tokens, tokens])
    }
}
