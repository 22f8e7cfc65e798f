internal import Layers
internal import Tensors

/// One layer of the vision tower: attention and feed-forward layer, each after a norm and added to its input.
struct Qwen25VLVisionBlock {
    /// Added to the mean square in all of the tower's norms.
    static let epsilon = 1e-6

    private let attention: Qwen25VLVisionAttention
    private let feedForward: LanguageModelFeedForward
    private let attentionNorm, feedForwardNorm: LanguageModelNorm

    init(_ weights: Weights, _ config: Qwen25VLVisionConfig) throws {
        let width = config.hiddenSize
        attention = try Qwen25VLVisionAttention(weights["attn"], config)
        feedForward = try LanguageModelFeedForward(
            weights["mlp"], width: width, inner: config.intermediateSize, config.hiddenAct, bias: true)
        attentionNorm = try LanguageModelNorm(weights["norm1"], size: width, epsilon: Self.epsilon)
        feedForwardNorm = try LanguageModelNorm(weights["norm2"], size: width, epsilon: Self.epsilon)
    }

    /// - Parameters:
    ///   - x: `[1, patches, width]`, in 32-bit floats
    ///   - rotary: the tables of the patches
    ///   - windows: with lengths in patches
    /// - Returns: `[1, patches, width]`, in 32-bit floats
    func callAsFunction(_ x: Tensor, _ rotary: RotaryEmbedding, _ windows: [VisionWindows.Run]) throws(TensorError)
        -> Tensor
    {
        let h = try x + attention(attentionNorm(x), rotary, windows)
        return try h + feedForward(feedForwardNorm(h))
    }
}

/// Makes one token of the patches of a cell.
struct Qwen25VLPatchMerger {
    private let norm: LanguageModelNorm
    private let up, down: Linear
    private let width: Int

    init(_ weights: Weights, _ config: Qwen25VLVisionConfig) throws {
        width = config.spatialMergeSize * config.spatialMergeSize * config.hiddenSize
        norm = try LanguageModelNorm(
            weights["ln_q"], size: config.hiddenSize, epsilon: Qwen25VLVisionBlock.epsilon)
        up = try Linear(weights["mlp"][0], from: width, to: width, cut: .output())
        down = try Linear(weights["mlp"][2], from: width, to: config.outHiddenSize, cut: .input())
    }

    /// - Parameter x: `[1, patches, width]`, the patches of a cell together
    /// - Returns: `[1, tokens, outHiddenSize]`
    func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
        try down(up(norm(x).reshaped(1, -1, width), .activation(.gelu)))
    }
}
