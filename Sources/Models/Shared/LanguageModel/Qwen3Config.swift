package import Layers

/// `config.json` of Qwen3, or of Qwen3-VL, of which this is the part for text.
// Source: huggingface/transformers 5.23.0, models/qwen3/configuration_qwen3.py and
// models/qwen3_vl/configuration_qwen3_vl.py.
package struct Qwen3Config: LanguageModelConfig {
    package var modelType = "qwen3"
    package var vocabSize = 151936
    package var hiddenSize = 4096
    package var intermediateSize = 22016
    package var numHiddenLayers = 32
    package var numAttentionHeads = 32
    package var numKeyValueHeads: Int? = 32
    package var headDim = 128
    package var hiddenAct = Activation.silu
    package var rmsNormEps = 1e-6
    package var ropeTheta: Double?
    package var ropeScaling: RopeParameters?
    package var ropeParameters: RopeParameters?
    package var attentionBias = false
    package var useSlidingWindow = false
    package var slidingWindow: Int? = 4096
    package var maxWindowLayers = 28
    package var layerTypes: [String]?
    package init() {}

    package static var idleKeys: Set<String> { sharedIdleKeys }
    package static var places: [String] { ["model", "model.language_model", ""] }

    package var layout: LanguageModelLayout {
        let standard = modelType == "qwen3_vl_text" ? 500_000.0 : 10_000
        let rotary = LanguageModelRotary(
            ropeParameters ?? ropeScaling, base: ropeTheta ?? standard, headWidth: headDim)
        let window = useSlidingWindow ? slidingWindow : nil
        let layers = (0..<max(numHiddenLayers, 0)).map { index in
            let slides = layerTypes.map { $0[index] == "sliding_attention" } ?? (index >= maxWindowLayers)
            return LanguageModelLayout.Layer(window: slides ? window : nil, rotary)
        }
        var layout = LanguageModelLayout(
            vocabSize: vocabSize, width: hiddenSize, innerWidth: intermediateSize, heads: numAttentionHeads,
            keyValueHeads: numKeyValueHeads ?? numAttentionHeads, headWidth: headDim, activation: hiddenAct,
            normEpsilon: rmsNormEps, layers: layers)
        (layout.normsHeads, layout.hasBias, layout.hasOutputBias) = (true, attentionBias, attentionBias)
        return layout
    }

    package func validate() throws(ConfigFault) {
        try requireKinds(layerTypes, count: numHiddenLayers)
        try validate(modelType, among: ["qwen3", "qwen3_vl_text"])
        try ropeParameters?.validate("rope_parameters", headWidth: headDim)
        try ropeScaling?.validate("rope_scaling", headWidth: headDim)
    }
}
