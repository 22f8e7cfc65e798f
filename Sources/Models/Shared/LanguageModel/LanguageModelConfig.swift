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
        let wide = rows * (states + 3) * layout.width * DType.float32.size
        let results = rows * states * layout.width * dtype.size
        let heads = MemorySize(layout.heads + 2 * layout.keyValueHeads) * layout.headWidth
        let attention = rows * heads * (2 * DType.float32.size + 3 * dtype.size)
        let feedForward = rows * (3 * MemorySize(layout.innerWidth) + 2 * layout.width) * dtype.size
        let kinds = Set(layout.layers.map(\.window)).count
        let masks =
            rows * tokens
            * (kinds * (DType.float32.size + dtype.size) + layout.heads / layout.keyValueHeads * dtype.size)
        return wide + results + attention + feedForward + masks
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

    /// The window of each layer, by its kind.
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
