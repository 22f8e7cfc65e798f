import Tensors
import TestKit
import Testing

private let types: [DType] = [.float32, .bfloat16, .float16]

/// Every kernel of our own, given nothing: no items, no tokens, no keys, no channels.
@DeviceActor @Suite struct EmptyTensorTests {
    /// An axis that is empty, and the type.
    struct Case: CustomTestStringConvertible {
        let batch, tokens, width: Int
        let dtype: DType

        var testDescription: String { "\(batch)×\(tokens)×\(width) \(dtype)" }

        static let all = types.flatMap { dtype in
            [(0, 3, 8), (2, 0, 8), (2, 3, 0), (0, 0, 0)].map {
                Case(batch: $0.0, tokens: $0.1, width: $0.2, dtype: dtype)
            }
        }

        func of(_ shape: Int...) throws -> Tensor { try tensor(shape, dtype, seed: 1) }
        var x: Tensor { get throws { try of(batch, tokens, width) } }
        var vectors: Tensor { get throws { try of(batch, width) } }
        var weight: Tensor { get throws { try of(width) } }
    }

    @Test(arguments: Case.all) func rowsStayEmpty(_ given: Case) throws {
        let (x, vectors, weight) = (try given.x, try given.vectors, try given.weight)
        let results: [String: Tensor] = [
            "norm": try modulatedLayerNorm(x, scale: vectors, shift: vectors, epsilon: 1e-6),
            "RMS norm": try modulatedRMSNorm(x, scale: vectors, shift: vectors, epsilon: 1e-6),
            "gated": try gatedAdd(x, gate: vectors, x),
            "RMS and SiLU": try rmsNormSilu(x, weight: weight, epsilon: 1e-6),
            "SwiGLU": try swiglu(gate: x, x),
            "SiLU": try silu(x), "quick GELU": try quickGELU(x), "GELU": try geluTanh(x),
            "layer norm": try layerNorm(x, epsilon: 1e-6), "RMS": try rmsNorm(x, weight: weight, epsilon: 1e-6),
        ]
        for (name, result) in results {
            #expect(result.shape == x.shape, "\(name)")
            #expect(try result.floats().isEmpty, "\(name)")
        }
    }

    /// As many groups as tokens: none.
    @Test(arguments: types) func noGroupsOfNoTokensStayEmpty(_ dtype: DType) throws {
        let (x, vectors) = (try tensor([2, 0, 8], dtype, seed: 1), try tensor([2, 0, 8], seed: 2))
        let results = [
            try modulatedLayerNorm(x, scale: vectors, shift: vectors, epsilon: 1e-6),
            try modulatedRMSNorm(x, scale: vectors, shift: vectors, epsilon: 1e-6), try gatedAdd(x, gate: vectors, x),
        ]
        #expect(results.allSatisfy { $0.shape == [2, 0, 8] })
    }

    @Test(arguments: Case.all) func rotationsStayEmpty(_ given: Case) throws {
        let heads = try given.of(given.batch, given.tokens, 2, given.width)
        let table = try tensor([given.tokens, given.width / 2], seed: 2)
        let turned = try rmsNormRotary(heads, weight: given.weight, cosine: table, sine: table, epsilon: 1e-6)
        #expect(turned.shape == heads.shape)
        let doubled = try concatenate([table, table], axis: 0)
        let joined = try rmsNormRotary(
            heads, weight: given.weight, before: heads, weight: given.weight, cosine: doubled, sine: doubled,
            epsilon: 1e-6)
        #expect(joined.shape == [given.batch, 2 * given.tokens, 2, given.width])
        guard given.width > 0 else { return }
        let turnedHalves = try rmsNormRotaryOfHalves(
            heads, weight: given.weight, cosine: table, sine: table, epsilon: 1e-6)
        #expect(turnedHalves.shape == heads.shape)
        let x = try given.x
        let joint = try tensor([given.tokens, given.width / 4], seed: 2)
        let result = try jointRMSNormRotary(x, weight: given.weight, cosine: joint, sine: joint, epsilon: 1e-6)
        #expect(result.shape == x.shape)
        let each = try tensor([given.tokens, 2, given.width / 4], seed: 2)
        let halves = try jointRMSNormRotaryOfHalves(x, weight: given.weight, cosine: each, sine: each, epsilon: 1e-6)
        #expect(halves.shape == x.shape)
    }

    @Test(arguments: Case.all) func productsHaveTheirShapeAndTheBias(_ given: Case) throws {
        let (x, bias) = (try given.x, try given.of(5))
        let shape = [given.batch, given.tokens, 5]
        let weight = try given.of(5, given.width)
        for result in [try linear(x, weight: weight, bias: bias), try linear(x, weight: weight, bias: nil)] {
            #expect(result.shape == shape)
        }
        let expected = try (0..<given.batch * given.tokens).flatMap { _ in try bias.floats() }
        #expect(try linear(x, weight: weight, bias: bias).floats() == expected)
        #expect(try linearGELUTanh(x, weight: weight, bias: bias).shape == shape)
        let beside = try given.of(given.batch, given.tokens, 3)
        #expect(try linearGELUTanh(x, weight: weight, bias: bias, beside: beside).shape == [shape[0], shape[1], 8])
        let before = try given.of(given.batch, 2, 5)
        #expect(try linear(x, weight: weight, bias: bias, behind: before).shape == [shape[0], shape[1] + 2, 5])
        let nothing = try linear(x, weight: given.of(0, given.width), bias: nil)
        #expect(nothing.shape == [given.batch, given.tokens, 0])
        #expect(try embedding(Tensor([Int32](), shape: [0]), table: weight).shape == [0, given.width])
    }

    /// To no keys a query attends as to keys that are all hidden: zeros.
    @Test(arguments: types) func attendsFromNothingAndToNothing(_ dtype: DType) throws {
        let sizes = [
            [0, 2, 3, 4, 8], [1, 0, 3, 4, 8], [1, 2, 0, 4, 8], [1, 2, 3, 0, 8], [1, 2, 3, 4, 0], [1, 2, 0, 0, 8],
            [2, 1, 100, 0, 40], [0, 0, 0, 0, 0],
        ]
        for size in sizes {
            let query = try tensor([size[0], size[1], size[2], size[4]], dtype, seed: 1)
            let key = try tensor([size[0], size[1], size[3], size[4]], dtype, seed: 2)
            for mask in [nil, try tensor([size[2], size[3]], seed: 3)] {
                for kernel in AttentionTests.Kernel.allCases {
                    let result = try kernel(query, key, key, mask: mask, scale: 1)
                    #expect(result.shape == query.shape, "\(kernel) \(size)")
                    #expect(try result.floats().allSatisfy { $0 == 0 }, "\(kernel) \(size)")
                }
                let (_, sums) = try attentionPart(query, key, key, mask: mask, scale: 1)
                #expect(sums.shape == [size[0], size[1], size[2]], "\(size)")
                if size[3] == 0 { #expect(try sums.floats().allSatisfy { $0 == -.infinity }, "\(size)") }
            }
        }
        // Without a number in them all keys are alike.
        let nothing = try tensor([1, 1, 2, 0], dtype, seed: 1)
        let sums = try attentionPart(nothing, nothing, nothing, mask: nil, scale: 1).logSumExp.floats()
        #expect(sums.allSatisfy { abs($0 - 0.6931472) < 1e-6 })
    }

    @Test(arguments: types) func groupsOfNothingStayEmpty(_ dtype: DType) throws {
        let (weight, bias) = (try tensor([8], dtype, seed: 1), try tensor([8], dtype, seed: 2))
        for shape in [[0, 8, 3, 3], [2, 8, 0, 3], [2, 8, 3, 0]] {
            let x = try tensor(shape, dtype, seed: 3)
            let last = try x.permuted(0, 2, 3, 1).contiguous().permuted(0, 3, 1, 2)
            for x in [x, last] {
                let result = try groupNormSilu(x, groups: 4, weight: weight, bias: bias, epsilon: 1e-6)
                #expect(result.shape == shape)
            }
        }
        let x = try tensor([1, 8, 3, 3], dtype, seed: 3).permuted(0, 2, 3, 1).contiguous().permuted(0, 3, 1, 2)
        for groups in [0, 3, -1] {
            #expect(throws: TensorError.self) {
                try groupNormSilu(x, groups: groups, weight: weight, bias: bias, epsilon: 1e-6)
            }
        }
    }

    @Test(arguments: types) func convolutionsOfNoImagesAreEmpty(_ dtype: DType) throws {
        let x = try tensor([0, 8, 6, 6], dtype, seed: 1)
        let weight = try tensor([4, 8, 3, 3], dtype, seed: 2)
        #expect(try convolution2D(x, weight: weight, bias: nil, stride: 1, padding: 1).shape == [0, 4, 6, 6])
        #expect(try doubledConvolution2D(x, weight: weight).shape == [0, 4, 12, 12])
        let video = try tensor([0, 3, 6, 6, 8], dtype, seed: 1)
        let kernel = try tensor([4, 3, 3, 3, 8], dtype, seed: 2)
        #expect(try convolution3D(video, weight: kernel, bias: nil, padding: 1).shape == [0, 1, 6, 6, 4])
    }
}
