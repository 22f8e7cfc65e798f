package import Diffusion
internal import Layers
package import Tensors

/// The config of a decoder-only language model, as transformers' class of it has it.
package protocol LanguageModelConfig: TransformersConfig, VocabularyConfig {
    /// Where the language model stands in a checkpoint, the published spelling first.
    static var places: [String] { get }
    /// What it comes to.
    var layout: LanguageModelLayout { get }
}

extension LanguageModelConfig {
    package static var nestedKey: String? { "text_config" }

    /// The keys that change nothing in any of them, those of the parts for images among them.
    static var sharedIdleKeys: Set<String> {
        [
            "max_position_embeddings", "vision_config", "image_token_id", "video_token_id", "vision_start_token_id",
            "vision_end_token_id", "vision_token_id",
        ]
    }

    /// How many layers there are; the states are one more, the embeddings before the first.
    package var layerCount: Int { layout.layers.count }

    /// What encoding holds at once besides weights, in bytes.
    ///
    /// - Parameters:
    ///   - texts: how many
    ///   - tokens: of each
    ///   - states: how many states of each token are kept
    ///   - dtype: the type of weights and activations
    /// - Returns: an upper estimate
    package func activationBytes(texts: Int, tokens: Int, states: Int, _ dtype: DType) -> MemorySize {
        let (layout, rows) = (layout, MemorySize(texts) * tokens)
        let (width, inner) = (MemorySize(layout.width), MemorySize(layout.innerWidth))
        let (wide, narrow) = (DType.float32.size, dtype.size)
        let streams = rows * width * ((MemorySize(states) + 3) * wide + MemorySize(states) * narrow)
        let queries = MemorySize(layout.heads) * layout.headWidth
        let keys = MemorySize(layout.keyValueHeads) * layout.headWidth
        // The heads of queries are turned in 32-bit floats.
        let attention = rows * (queries * (3 * wide + narrow) + 2 * keys * narrow)
        let feedForward = rows * (3 * inner + 2 * width) * narrow
        let kinds = Set(layout.layers.map(\.window)).count
        let group = layout.heads / max(layout.keyValueHeads, 1)
        let masks = rows * tokens * (MemorySize(group) * narrow + MemorySize(kinds) * (wide + narrow))
        return streams + max(attention, feedForward) + masks
    }

    /// Checks what the classes have in common.
    ///
    /// - Parameters:
    ///   - model: the kind of model that the config names
    ///   - known: those that its class is for
    func validate(_ model: String, among known: [String]) throws(ConfigFault) {
        guard known.contains(model) else { throw .unsupported("the language model \(model)") }
        let layout = layout
        try requirePositive([
            "vocab_size": layout.vocabSize, "hidden_size": layout.width, "intermediate_size": layout.innerWidth,
            "num_hidden_layers": layout.layers.count, "num_attention_heads": layout.heads,
            "num_key_value_heads": layout.keyValueHeads, "head_dim": layout.headWidth,
        ])
        try requireMultiple(
            "num_attention_heads", layout.heads, of: "num_key_value_heads", layout.keyValueHeads)
        try requireMultiple("head_dim", layout.headWidth, of: "two numbers a pair,", 2)
        for window in layout.layers.compactMap(\.window) where window < 1 {
            throw .value("sliding_window", found: "\(window)")
        }
    }

    /// Checks how many layers there are, and their kinds where the config names them.
    ///
    /// - Parameters:
    ///   - kinds: `full_attention` or `sliding_attention`, as many as there are layers
    ///   - count: how many layers there are
    func requireKinds(_ kinds: [String]?, count: Int) throws(ConfigFault) {
        try requireCounts(["num_hidden_layers": count])
        guard let kinds else { return }
        let known = ["full_attention", "sliding_attention"]
        guard kinds.count == count, kinds.allSatisfy(known.contains) else {
            throw .value("layer_types", found: "\(kinds.count) kinds of layers")
        }
    }
}
