package import Diffusion

extension Wan {
    package var stepCacheTraits: [StepCacheTraits] {
        parts.transformers.map {
            StepCacheTraits(blocks: $0.config.numLayers, coefficients: teaCacheCoefficients)
        }
    }

    /// TeaCache's published polynomials, by the size and the inputs of the transformer; nil where there are none.
    private var teaCacheCoefficients: TeaCacheCoefficients? {
        let config = parts.transformer.config
        guard parts.transformer2 == nil, parts.conditioning != .firstFrame, config.attentionHeadDim == 128
        else { return nil }
        switch (config.numAttentionHeads, config.numLayers, parts.conditioning) {
        case (12, 30, .none): return .wanText1B
        case (40, 40, .none): return .wanText14B
        case (40, 40, .channels) where config.imageDim != nil && config.posEmbedSeqLen == nil:
            // The two published checkpoints differ in their weights and in the scheduler's shift.
            return switch (scheduler as? UniPCMultistep)?.flowShift {
            case 3: .wanImage480P
            case 5: .wanImage720P
            default: nil
            }
        default: return nil
        }
    }
}

extension TeaCacheCoefficients {
    fileprivate static let wanText1B = Self(
        standard: [2.39676752e3, -1.31110545e3, 2.01331979e2, -8.29855975, 1.37887774e-1],
        retainedSteps: [-5.21862437e4, 9.23041404e3, -5.28275948e2, 1.36987616e1, -4.99875664e-2])
    fileprivate static let wanText14B = Self(
        standard: [-5784.54975374, 5449.50911966, -1811.16591783, 256.27178429, -13.02252404],
        retainedSteps: [-3.03318725e5, 4.90537029e4, -2.65530556e3, 5.87365115e1, -3.15583525e-1])
    fileprivate static let wanImage480P = Self(
        standard: [-3.02331670e2, 2.23948934e2, -5.25463970e1, 5.87348440, -2.01973289e-1],
        retainedSteps: [2.57151496e5, -3.54229917e4, 1.40286849e3, -1.35890334e1, 1.32517977e-1])
    fileprivate static let wanImage720P = Self(
        standard: [-114.36346466, 65.26524496, -18.82220707, 4.91518089, -0.23412683],
        retainedSteps: [8.10705460e3, 2.13393892e3, -3.72934672e2, 1.66203073e1, -4.17769401e-2])
}
