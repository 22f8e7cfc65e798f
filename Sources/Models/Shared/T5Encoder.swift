package import Layers
package import Tensors

/// T5's encoder: attention that sees positions only through a bias by distance, without scaling, without biases in its
/// linear layers.
///
/// In T5 one table of distances serves all layers, in UMT5 every layer has its own.
// Source: transformers 5.23.0, models/t5/modeling_t5.py, models/umt5/modeling_umt5.py.
package struct T5Encoder {
    private let embedding: Embedding
    private let buckets: T5DistanceBuckets
    private let distanceBiases: [T5DistanceBias]
    private let blocks: BlockStore<T5Block>
    private let finalNorm: RMSNorm

    /// Reads the encoder.
    ///
    /// - Parameters:
    ///   - weights: the view of the component
    ///   - config: its `config.json`
    /// - Throws: ``WeightError`` or ``TensorError``
    package init(_ weights: Weights, _ config: T5Config) throws {
        let table = weights.first(of: ["shared", "encoder.embed_tokens"], having: "weight")
        embedding = try Embedding(table, count: config.vocabSize, width: config.dModel)
        // The other name of the table; the rest of a whole T5, and what it makes words of, are left out.
        weights["encoder"].disregard("embed_tokens.weight")
        for part in ["decoder", "lm_head"] { weights.disregard(part: part) }
        let stack = weights["encoder"]
        buckets = T5DistanceBuckets(config)
        distanceBiases = try (0..<(config.isUMT5 ? config.numLayers : 1)).map {
            try T5DistanceBias(stack["block"][$0]["layer"][0]["SelfAttention"], config)
        }
        blocks = try BlockStore(config.numLayers, of: stack) { try T5Block(stack["block"][$0], config) }
        finalNorm = try RMSNorm(stack["final_layer_norm"], size: config.dModel, epsilon: config.layerNormEpsilon)
    }

    /// Encodes texts.
    ///
    /// - Parameters:
    ///   - ids: one row a text, all of one length
    ///   - mask: for each token 1, or 0 if no other token may see it; without one, pads are tokens like any other
    /// - Returns: `[batch, tokens, width]`
    package func callAsFunction(_ ids: [[Int32]], mask: [[Int32]]? = nil) throws(TensorError) -> Tensor {
        let tokens = ids.first?.count ?? 0
        let device = distanceBiases[0].device
        let buckets = try buckets(tokens, on: device)
        let hidden = try hiddenKeys(mask ?? [], distanceBiases[0].dtype, on: device)
        let indices = try Tensor(ids.flatMap { $0 }, shape: [ids.count, tokens], on: device)
        // The sum over all layers is kept in 32 bits: most of what 16 bits would lose is lost there.
        var states = try embedding(indices).to(.float32)
        var bias = try distanceBiases[0](buckets, hidden: hidden)
        for index in 0..<blocks.count {
            if index > 0, index < distanceBiases.count { bias = try distanceBiases[index](buckets, hidden: hidden) }
            states = try blocks[index](states, bias: bias)
        }
        return try finalNorm.narrowing(states)
    }

    /// What a mask adds to the scores.
    ///
    /// - Returns: `[batch, 1, 1, tokens]`, or nil if the mask hides nothing
    private func hiddenKeys(_ mask: [[Int32]], _ dtype: DType, on device: Device) throws(TensorError) -> Tensor? {
        if mask.allSatisfy({ !$0.contains(0) }) { return nil }
        let least: Float =
            switch dtype {
            case .float16: -65504
            case .bfloat16: -0x1.FEp127
            default: -.greatestFiniteMagnitude
            }
        let values = mask.flatMap { row in row.map { $0 == 0 ? least : 0 } }
        return try Tensor(values, shape: [mask.count, 1, 1, mask[0].count], on: device).to(dtype)
    }
}
