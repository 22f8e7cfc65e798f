internal import Layers
internal import Tensors

/// Attention of an image's patches to those of the same window.
struct Qwen25VLVisionAttention {
    private let queryKeyValue, out: Linear
    private let attention: Attention
    private let dtype: DType

    init(_ weights: Weights, _ config: Qwen25VLVisionConfig) throws {
        let width = config.hiddenSize
        queryKeyValue = try Linear(
            weights["qkv"], from: width, to: 3 * width, cut: .output(segments: [width, width, width]))
        out = try Linear(weights["proj"], from: width, to: width, cut: .input())
        attention = Attention(weights, .selfAttention, heads: config.numHeads, headWidth: config.headWidth)
        dtype = weights.plan.dtype
    }

    /// - Parameters:
    ///   - x: the patches, window after window, `[1, patches, width]`
    ///   - rotary: their tables
    ///   - windows: with lengths in patches
    /// - Returns: `[1, patches, width]`
    func callAsFunction(_ x: Tensor, _ rotary: RotaryEmbedding, _ windows: [VisionWindows.Run]) throws(TensorError)
        -> Tensor
    {
        let parts = try queryKeyValue(x).chunks(3)
        let (query, key, value) = (try turned(parts[0], rotary), try turned(parts[1], rotary), try heads(parts[2]))
        var (start, attended): (Int, [Tensor]) = (0, [])
        for run in windows {
            let end = start + run.count * run.length
            func part(_ x: Tensor) throws(TensorError) -> Tensor {
                try x.slice(start..<end, axis: 1)
                    .reshaped(run.count, run.length, attention.site.heads, attention.site.headWidth)
            }
            attended.append(try attention(part(query), part(key), part(value)).reshaped(1, end - start, -1))
            start = end
        }
        return try out(attended.count == 1 ? attended[0] : concatenate(attended, axis: 1))
    }

    private func heads(_ x: Tensor) throws(TensorError) -> Tensor {
        try x.reshaped(1, x.size(1), attention.site.heads, attention.site.headWidth)
    }

    private func turned(_ x: Tensor, _ rotary: RotaryEmbedding) throws(TensorError) -> Tensor {
        try rotary.appliedToHalves(of: heads(x)).to(dtype)
    }
}
