internal import Foundation
package import Layers

/// `config.json` of Gemma-3, of which this is the part for text.
// Source: huggingface/transformers 5.23.0, models/gemma3/configuration_gemma3.py.
package struct Gemma3TextConfig: LanguageModelConfig {
    package var modelType = "gemma3_text"
    package var vocabSize = 262_208
    package var hiddenSize = 2304
    package var intermediateSize = 9216
    package var numHiddenLayers = 26
    package var numAttentionHeads = 8
    package var numKeyValueHeads = 4
    package var headDim = 256
    package var hiddenActivation = Activation.geluTanh
    package var rmsNormEps = 1e-6
    package var ropeTheta: Double?
    package var ropeLocalBaseFreq: Double?
    package var ropeScaling: RopeParameters?
    package var ropeParameters: RopeParameters?
    package var attentionBias = false
    package var queryPreAttnScalar = 256.0
    /// Bends scores of attention; Gemma 3 was published without.
    package var attnLogitSoftcapping: Double?
    package var slidingWindow: Int? = 4096
    package var slidingWindowPattern: Int? = 6
    package var layerTypes: [String]?
    package init() {}

    /// What bends the scores of words comes behind the states.
    package static var idleKeys: Set<String> {
        sharedIdleKeys.union(["cache_implementation", "final_logit_softcapping"])
    }
    package static var places: [String] { ["language_model.model", "model.language_model", "model", ""] }

    package var layout: LanguageModelLayout {
        let (full, sliding) = (ropeParameters?.ofKinds["fullAttention"], ropeParameters?.ofKinds["slidingAttention"])
        let wide = LanguageModelRotary(ropeScaling ?? full, base: ropeTheta ?? 1_000_000, headWidth: headDim)
        let near = LanguageModelRotary(sliding, base: ropeLocalBaseFreq ?? 10_000, headWidth: headDim)
        let layers = (0..<max(numHiddenLayers, 0)).map { index in
            let slides =
                layerTypes.map { $0[index] == "sliding_attention" }
                ?? !(index + 1).isMultiple(of: slidingWindowPattern ?? 6)
            return LanguageModelLayout.Layer(window: slides ? slidingWindow : nil, slides ? near : wide)
        }
        var layout = LanguageModelLayout(
            vocabSize: vocabSize, width: hiddenSize, innerWidth: intermediateSize, heads: numAttentionHeads,
            keyValueHeads: numKeyValueHeads, headWidth: headDim, activation: hiddenActivation,
            normEpsilon: rmsNormEps, layers: layers)
        layout.scale = 1 / queryPreAttnScalar.squareRoot()
        (layout.hasBias, layout.hasOutputBias) = (attentionBias, attentionBias)
        (layout.normsHeads, layout.normsSums, layout.normsAroundOne) = (true, true, true)
        layout.embeddingScale = Double(hiddenSize).squareRoot()
        return layout
    }

    package func validate() throws(ConfigFault) {
        try requireKinds(layerTypes, count: numHiddenLayers)
        try validate(modelType, among: ["gemma3_text"])
        if let limit = attnLogitSoftcapping { throw .value("attn_logit_softcapping", found: "\(limit)") }
        guard queryPreAttnScalar > 0 else { throw .value("query_pre_attn_scalar", found: "\(queryPreAttnScalar)") }
        if let pattern = slidingWindowPattern { try requirePositive(["sliding_window_pattern": pattern]) }
        try ropeParameters?.validate("rope_parameters", headWidth: headDim)
        try ropeScaling?.validate("rope_scaling", headWidth: headDim)
    }
}
