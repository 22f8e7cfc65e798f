package import Layers

/// `config.json` of Mistral-3, of which this is the part for text.
// Source: huggingface/transformers 5.23.0, models/mistral/configuration_mistral.py.
package struct MistralTextConfig: LanguageModelConfig {
    package var modelType = "mistral"
    package var vocabSize = 32000
    package var hiddenSize = 4096
    package var intermediateSize = 14336
    package var numHiddenLayers = 32
    package var numAttentionHeads = 32
    package var numKeyValueHeads: Int? = 8
    package var headDim: Int?
    package var hiddenAct = Activation.silu
    package var rmsNormEps = 1e-6
    package var ropeTheta: Double?
    package var ropeParameters: RopeParameters?
    package var slidingWindow: Int? = 4096
    package init() {}

    package static var idleKeys: Set<String> { sharedIdleKeys }
    package static var places: [String] { ["language_model.model", "model.language_model", "model", ""] }

    package var layout: LanguageModelLayout {
        let headWidth = headDim ?? hiddenSize / max(numAttentionHeads, 1)
        let rotary = LanguageModelRotary(ropeParameters, base: ropeTheta ?? 10_000, headWidth: headWidth)
        return LanguageModelLayout(
            vocabSize: vocabSize, width: hiddenSize, innerWidth: intermediateSize, heads: numAttentionHeads,
            keyValueHeads: numKeyValueHeads ?? numAttentionHeads, headWidth: headWidth, activation: hiddenAct,
            normEpsilon: rmsNormEps,
            layers: Array(repeating: .init(window: slidingWindow, rotary), count: max(numHiddenLayers, 0)))
    }

    package func validate() throws(ConfigFault) {
        try requireKinds(nil, count: numHiddenLayers)
        try validate(modelType, among: ["mistral"])
        try ropeParameters?.validate("rope_parameters", headWidth: layout.headWidth)
    }
}
