internal import Foundation
internal import Layers
internal import Tensors

/// What attention adds to a score for the distance between two tokens.
struct T5DistanceBias {
    private let table: Tensor

    var device: Device { table.device }
    var dtype: DType { table.dtype }

    init(_ weights: Weights, _ config: T5Config) throws {
        table = try weights["relative_attention_bias"].tensor(
            "weight", config.relativeAttentionNumBuckets, config.numHeads)
    }

    /// - Parameters:
    ///   - buckets: of each pair of tokens, `[tokens, tokens]`
    ///   - hidden: added for keys that no query may see, `[batch, 1, 1, tokens]`
    /// - Returns: `[1, heads, tokens, tokens]`, or a batch of them if keys are hidden
    func callAsFunction(_ buckets: Tensor, hidden: Tensor?) throws(TensorError) -> Tensor {
        let bias = try embedding(buckets, table: table).permuted(2, 0, 1).unsqueezed(0).contiguous()
        guard let hidden else { return bias }
        return try bias + hidden
    }
}

/// Which row of the tables of distances stands for two tokens.
struct T5DistanceBuckets {
    private let count, maxDistance: Int

    init(_ config: T5Config) {
        (count, maxDistance) = (config.relativeAttentionNumBuckets, config.relativeAttentionMaxDistance)
    }

    /// - Parameters:
    ///   - tokens: length of the text
    ///   - device: where the result goes
    /// - Returns: `[tokens, tokens]`, by query and key
    func callAsFunction(_ tokens: Int, on device: Device) throws(TensorError) -> Tensor {
        let ofDistance = try bucketOfDistance(tokens)
        var indices: [Int32] = []
        indices.reserveCapacity(tokens * tokens)
        for query in 0..<tokens {
            for key in 0..<tokens {
                indices.append(ofDistance[abs(key - query)] + (key > query ? Int32(count / 2) : 0))
            }
        }
        return try Tensor(indices, shape: [tokens, tokens], on: device)
    }

    /// Short distances have a bucket each; longer ones share buckets on a logarithmic scale.
    ///
    /// The scale is computed by LibTorch in 32-bit floats, since at powers of two its rounding decides the bucket.
    private func bucketOfDistance(_ tokens: Int) throws(TensorError) -> [Int32] {
        let half = count / 2
        let exact = half / 2
        let scale = log(Double(maxDistance) / Double(exact))
        let distances = try Tensor.range(max(tokens, 1))
        let logarithms = try log(distances / Double(exact)) / scale * Double(half - exact)
        let scaled = try logarithms.clamped(0, Double(half)).integers()
        return (0..<tokens).map { $0 < exact ? Int32($0) : Int32(min(exact + Int(scaled[$0]), half - 1)) }
    }
}
