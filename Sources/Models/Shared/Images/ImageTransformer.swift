internal import Diffusion
package import Layers
internal import Tensors

/// The denoiser of a model of images.
protocol ImageTransformer: CacheableTransformer where Input: ImageInput {
    associatedtype Config: ImageTransformerConfig

    var config: Config { get }

    init(_ weights: Weights, _ config: Config) throws
}

/// What the input has that changes from step to step.
protocol ImageInput {
    var latents: Tensor { get set }
    var timestep: Float { get set }
}

/// `transformer/config.json` of a model of images, as far as the families have the same.
package protocol ImageTransformerConfig: ModelConfig {
    var inChannels: Int { get }
    var outChannels: Int? { get }
    var attentionHeadDim: Int { get }
    var numAttentionHeads: Int { get }
    var jointAttentionDim: Int { get }
    var axesDimsRope: [Int] { get }
    var guidanceEmbeds: Bool { get set }

    /// Floating point operations of the blocks' products and attention, for so many images and tokens.
    func operations(batch: Int, text: Int, image: Int) -> Double
}

extension ImageTransformerConfig {
    /// Channels of the streams that run through the blocks.
    package var width: Int { numAttentionHeads * attentionHeadDim }

    /// Checks what all families ask.
    ///
    /// - Parameter axes: how many axes a position has
    func requireSizes(axes: Int) throws(ConfigFault) {
        try requirePositive([
            "in_channels": inChannels, "attention_head_dim": attentionHeadDim,
            "num_attention_heads": numAttentionHeads, "joint_attention_dim": jointAttentionDim,
            "out_channels": outChannels ?? 1,
        ])
        guard axesDimsRope.count == axes, axesDimsRope.allSatisfy({ $0 > 0 && $0.isMultiple(of: 2) }),
            axesDimsRope.reduce(0, +) == attentionHeadDim
        else { throw .value("axes_dims_rope", found: "\(axesDimsRope)") }
    }
}
