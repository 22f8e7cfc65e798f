import Foundation
import Layers
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct AttentionSiteTests {
    private func tensor(_ shape: [Int], seed: UInt64) throws -> Tensor { try Generator(seed: seed).normal(shape) }

    /// Softmax over every key in 64-bit floats, head by head, of `[batch, tokens, heads, width]`.
    private func reference(_ query: Tensor, _ key: Tensor, _ value: Tensor, mask: Tensor?, scale: Double) throws
        -> [Double]
    {
        let (q, k, v) = (try query.floats(), try key.floats(), try value.floats())
        let (batch, tokens, heads, width) = (query.size(0), query.size(1), query.size(2), query.size(3))
        let (keys, shared) = (key.size(1), key.size(2))
        let hidden = try mask?.expanded(batch, heads, tokens, keys).contiguous().floats()
        var result = [Double](repeating: 0, count: q.count)
        for (item, row, head) in product(batch, tokens, heads) {
            let group = head / (heads / shared)
            func at(_ values: [Float], _ key: Int, _ index: Int) -> Double {
                Double(values[((item * keys + key) * shared + group) * width + index])
            }
            let first = ((item * tokens + row) * heads + head) * width
            let scores = (0..<keys).map { key in
                let dot = (0..<width).reduce(0.0) { $0 + Double(q[first + $1]) * at(k, key, $1) }
                return dot * scale + Double(hidden?[((item * heads + head) * tokens + row) * keys + key] ?? 0)
            }
            let greatest = scores.max() ?? 0
            let weights = scores.map { exp($0 - greatest) }
            let sum = weights.reduce(0, +)
            for index in 0..<width {
                result[first + index] = (0..<keys).reduce(0.0) { $0 + weights[$1] / sum * at(v, $1, index) }
            }
        }
        return result
    }

    @Test(arguments: [1, 2, 6], AttentionBackend.allCases)
    func sharesKeysBetweenHeads(_ shared: Int, _ backend: AttentionBackend) throws {
        let (batch, tokens, keys, heads, width) = (2, 5, 7, 6, 16)
        let weights = Weights(RandomWeights(), plan: ComputePlan(attention: AttentionPlan(backend)))
        let attention = Attention(weights, .cross, heads: heads, keyValueHeads: shared, headWidth: width)
        let query = try tensor([batch, tokens, heads, width], seed: 1)
        let (key, value) = (
            try tensor([batch, keys, shared, width], seed: 2), try tensor([batch, keys, shared, width], seed: 3)
        )
        let masks = try [
            nil, tensor([batch, 1, 1, keys], seed: 4), tensor([1, 1, tokens, keys], seed: 5),
            tensor([batch, heads, tokens, keys], seed: 6),
        ]
        for mask in masks {
            let found = try attention(query, key, value, mask: mask)
            #expect(found.shape == [batch, tokens, heads * width])
            let expected = try reference(query, key, value, mask: mask, scale: 0.25)
            let distance = zip(try found.floats(), expected).map { abs(Double($0) - $1) }.max() ?? 1
            #expect(distance < 1e-5, "\(shared) of \(heads), mask \(mask?.shape ?? [])")
        }
        let merged = try attention(
            query.reshaped(batch, tokens, -1), key.reshaped(batch, keys, -1), value.reshaped(batch, keys, -1))
        #expect(try merged.floats() == attention(query, key, value).floats())
    }

    @Test func givesNothingForNoTokens() throws {
        let attention = Attention(Weights(RandomWeights()), .selfAttention, heads: 4, keyValueHeads: 2, headWidth: 8)
        let nothing = try attention(
            tensor([1, 0, 32], seed: 1), tensor([1, 0, 16], seed: 1), tensor([1, 0, 16], seed: 1))
        #expect(nothing.shape == [1, 0, 32])
        let empty = try tensor([1, 0, 16], seed: 1)
        #expect(try attention(tensor([1, 3, 32], seed: 1), empty, empty).floats().allSatisfy { $0 == 0 })
    }

    @Test func tellsAKernelWhereItStands() throws {
        var sites: [AttentionSite] = []
        let context = ComputeContext(ComputePlan()) { site in
            sites.append(site)
            return TextTokens()
        }
        let view = Weights(RandomWeights(), context, for: .textEncoder)
        let attention = Attention(
            view["layers"][12]["attn"], .joint, heads: 4, keyValueHeads: 2, headWidth: 8, scale: 1)
        #expect(sites == [attention.site])
        #expect(attention.site.name == "layers.12.attn")
        #expect(attention.site.layer == 12)
        #expect(attention.site.component == .textEncoder)
        #expect(attention.site.keyValueHeads == 2)
        #expect(attention.site.scale == 1)
        let x = try tensor([1, 3, 32], seed: 1)
        let y = try tensor([1, 3, 16], seed: 1)
        #expect(try attention(x, y, y, textTokens: 2).floats() == [Float](repeating: 2, count: 96))
    }

    @Test func onlyTransformersTakeAKernelByName() {
        let plan = ComputePlan(dtype: .bfloat16, attention: AttentionPlan(.sdpa))
        #expect(plan.for(.transformer) == plan)
        for role in [ComponentRole.textEncoder, .imageEncoder, .vae] {
            #expect(plan.for(role) == ComputePlan(dtype: .bfloat16))
        }
        #expect(plan.for(.vae, keeping: .float32) == ComputePlan())
    }

    /// Gives the number of text tokens in every place.
    private struct TextTokens: AttentionKernel {
        func attend(_ inputs: AttentionInputs) throws(TensorError) -> Tensor {
            try Tensor.full(Double(inputs.textTokens), inputs.query.shape)
        }

        func attendWithLogSumExp(_ inputs: AttentionInputs) throws(TensorError) -> (result: Tensor, logSumExp: Tensor) {
            (try attend(inputs), try Tensor.full(0, Array(inputs.query.shape.dropLast())))
        }
    }
}

/// Every triple of numbers below three limits.
private func product(_ a: Int, _ b: Int, _ c: Int) -> [(Int, Int, Int)] {
    (0..<a).flatMap { x in (0..<b).flatMap { y in (0..<c).map { (x, y, $0) } } }
}
