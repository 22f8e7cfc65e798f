package import Layers

/// `config.json` of Qwen2.5-VL, of which this is the part for text.
// Source: huggingface/transformers 5.23.0, models/qwen2_5_vl/configuration_qwen2_5_vl.py.
package struct Qwen25VLTextConfig: LanguageModelConfig {
    package var modelType = "qwen2_5_vl_text"
    package var vocabSize = 152064
    package var hiddenSize = 8192
    package var intermediateSize = 29568
    package var numHiddenLayers = 80
    package var numAttentionHeads = 64
    package var numKeyValueHeads: Int? = 8
    package var hiddenAct = Activation.silu
    package var rmsNormEps = 1e-5
    package var ropeTheta: Double?
    package var ropeScaling: RopeParameters?
    package var ropeParameters: RopeParameters?
    package var useSlidingWindow: Bool? = false
    package var slidingWindow: Int? = 4096
    package var maxWindowLayers: Int? = 80
    package var layerTypes: [String]?
    package init() {}

    package static var idleKeys: Set<String> { sharedIdleKeys }
    package static var places: [String] { ["model", "model.language_model", "language_model", ""] }

    package var layout: LanguageModelLayout {
        let headWidth = hiddenSize / max(numAttentionHeads, 1)
        var rotary = LanguageModelRotary(
            ropeScaling ?? ropeParameters, base: ropeTheta ?? 1_000_000, headWidth: headWidth)
        rotary.sections = rotary.sections ?? [16, 24, 24]
        let window = useSlidingWindow == true ? slidingWindow : nil
        let layers = (0..<max(numHiddenLayers, 0)).map { index in
            let slides = layerTypes.map { $0[index] == "sliding_attention" } ?? (index >= maxWindowLayers ?? 0)
            return LanguageModelLayout.Layer(window: slides ? window : nil, rotary)
        }
        var layout = LanguageModelLayout(
            vocabSize: vocabSize, width: hiddenSize, innerWidth: intermediateSize, heads: numAttentionHeads,
            keyValueHeads: numKeyValueHeads ?? numAttentionHeads, headWidth: headWidth, activation: hiddenAct,
            normEpsilon: rmsNormEps, layers: layers)
        layout.hasBias = true
        return layout
    }

    package func validate() throws(ConfigFault) {
        try requireKinds(layerTypes, count: numHiddenLayers)
        try validate(modelType, among: ["qwen2_5_vl", "qwen2_5_vl_text"])
        try requireMultiple("hidden_size", hiddenSize, of: "num_attention_heads", numAttentionHeads)
        let (key, rope) = ropeScaling.map { ("rope_scaling", $0) } ?? ("rope_parameters", ropeParameters ?? .init())
        var sectioned = rope
        sectioned.mropeSection = layout.layers.first?.rotary.sections
        try sectioned.validate(key, headWidth: layout.headWidth)
    }
}
