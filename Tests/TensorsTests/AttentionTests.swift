import Tensors
import TestKit
import Testing

/// Both kernels against the formula in 64-bit floats.
@Suite struct AttentionTests {
    /// A kernel under test.
    enum Kernel: CaseIterable {
        case ofLibTorch, tiled

        func callAsFunction(_ query: Tensor, _ key: Tensor, _ value: Tensor, mask: Tensor?, scale: Double) throws
            -> Tensor
        {
            switch self {
            case .ofLibTorch: try scaledDotProductAttention(query, key, value, mask: mask, scale: scale)
            case .tiled: try tiledAttention(query, key, value, mask: mask, scale: scale)
            }
        }
    }

    /// Sizes about those of the tiles: 12 rows, 96 rows, 32 keys, 256 keys, 128 numbers.
    struct Size: CustomTestStringConvertible {
        let batch, heads, tokens, keys, width: Int

        var testDescription: String { "\(batch)×\(heads)×\(tokens)×\(keys)×\(width)" }

        static let all = [
            Size(batch: 2, heads: 3, tokens: 4, keys: 5, width: 6),
            Size(batch: 1, heads: 1, tokens: 1, keys: 1, width: 1),
            Size(batch: 1, heads: 2, tokens: 97, keys: 257, width: 40),
            Size(batch: 2, heads: 1, tokens: 109, keys: 31, width: 128),
            Size(batch: 1, heads: 1, tokens: 13, keys: 600, width: 131),
            Size(batch: 1, heads: 5, tokens: 200, keys: 77, width: 64),
        ]

        /// Query, key and value as a model has them: heads beside each other in a token's row.
        func tensors(_ dtype: DType) throws -> (Tensor, Tensor, Tensor) {
            func split(_ tokens: Int, _ seed: Int) throws -> Tensor {
                try tensor([batch, tokens, heads, width], dtype, seed: seed).transposed(1, 2)
            }
            // Scores of a usual size: the numbers of one wave point the same way.
            return (try split(tokens, 1) * 0.25, try split(keys, 2), try split(keys, 3))
        }

        /// The mask of one kind: none, one for every pair, one for every key that hides some.
        func mask(_ kind: Int) throws -> Tensor? {
            switch kind {
            case 0: nil
            case 1: try tensor([1, heads, tokens, keys], seed: 4)
            default:
                try Tensor(
                    (0..<batch * keys).map { $0 % keys == 0 || $0 % 3 > 0 ? 0 : -Float.infinity },
                    shape: [batch, 1, 1, keys])
            }
        }
    }

    /// The formula.
    private func scores(_ query: Tensor, _ key: Tensor, mask: Tensor?, scale: Double) throws -> Tensor {
        let scores = try matmul(query.to(.float64), key.to(.float64).transposed(2, 3)) * scale
        return if let mask { try scores + mask.to(.float64) } else { scores }
    }

    @Test(arguments: Size.all, Kernel.allCases) func followsTheFormula(_ size: Size, _ kernel: Kernel) throws {
        let (query, key, value) = try size.tensors(.float32)
        let scale = 1 / Double(size.width).squareRoot()
        for kind in 0..<3 {
            let mask = try size.mask(kind)
            let expected = try matmul(
                softmax(scores(query, key, mask: mask, scale: scale), axis: 3), value.to(.float64))
            let result = try kernel(query, key, value, mask: mask, scale: scale)
            #expect(try result.to(.float64).distance(to: expected) <= 5e-6)
        }
    }

    @Test(arguments: [DType.bfloat16, .float16]) func isNoFurtherFromTheFormulaThanLibTorchs(_ dtype: DType) throws {
        var squares: [Kernel: Double] = [:]
        for size in Size.all {
            let (query, key, value) = try size.tensors(dtype)
            let expected = try matmul(
                softmax(scores(query, key, mask: nil, scale: 0.1), axis: 3), value.to(.float64))
            for kernel in Kernel.allCases {
                let error = try kernel(query, key, value, mask: nil, scale: 0.1).to(.float64) - expected
                squares[kernel, default: 0] += try error.doubles().reduce(0) { $0 + $1 * $1 }
            }
        }
        #expect(try #require(squares[.tiled]) <= #require(squares[.ofLibTorch]))
    }

    @Test(arguments: Kernel.allCases) func passesOverWhatIsHidden(_ kernel: Kernel) throws {
        let (query, key, value) = try (
            tensor([1, 1, 2, 4]), tensor([1, 1, 3, 4], seed: 2), tensor([1, 1, 3, 4], seed: 3)
        )
        let mask = try Tensor([0, 0, -Float.infinity, 0, 0, -.infinity], shape: [1, 1, 2, 3])
        let result = try kernel(query, key, value, mask: mask, scale: 0.5)
        let expected = try kernel(
            query, key.slice(0..<2, axis: 2), value.slice(0..<2, axis: 2), mask: nil, scale: 0.5)
        #expect(try result.distance(to: expected) <= 1e-6)
    }

    @Test func givesZerosWhereAllIsHidden() throws {
        let (x, mask) = try (tensor([1, 1, 3, 4]), Tensor.full(-.infinity, [1, 1, 3, 3]))
        #expect(try tiledAttention(x, x, x, mask: mask, scale: 1).floats().allSatisfy { $0 == 0 })
    }

    /// Large scores must not overflow, and scores far below the largest must not count.
    @Test func staysFiniteForLargeScores() throws {
        let (query, key, value) = try (
            tensor([1, 1, 5, 16]), tensor([1, 1, 300, 16], seed: 2), tensor([1, 1, 300, 16], seed: 3)
        )
        let expected = try matmul(
            softmax(scores(query, key, mask: nil, scale: 1e4), axis: 3), value.to(.float64))
        let result = try tiledAttention(query, key, value, mask: nil, scale: 1e4)
        #expect(try result.to(.float64).distance(to: expected) <= 1e-3)
    }

    /// What ring attention does: keys in two halves, joined by the sums.
    @Test func partsCanBeJoined() throws {
        let size = Size(batch: 1, heads: 2, tokens: 50, keys: 300, width: 24)
        let (query, key, value) = try size.tensors(.float32)
        let parts = try [0..<130, 130..<300].map { keys in
            try attentionPart(
                query, key.slice(keys, axis: 2), value.slice(keys, axis: 2), mask: nil, scale: 0.2)
        }
        let whole = try attentionPart(query, key, value, mask: nil, scale: 0.2)
        let joined = try parts.map { try $0.result * exp($0.logSumExp - whole.logSumExp).unsqueezed(3) }
        #expect(try (joined[0] + joined[1]).distance(to: whole.result) <= 2e-6)
        let expected = try log(exp(scores(query, key, mask: nil, scale: 0.2)).sum(over: 3))
        #expect(try whole.logSumExp.unsqueezed(3).to(.float64).distance(to: expected) <= 5e-6)
    }

    @Test func refusesWhatDoesNotFit() throws {
        let (x, other) = try (tensor([1, 2, 3, 4]), tensor([1, 2, 3, 5]))
        #expect(throws: TensorError.self) { try tiledAttention(x, other, other, mask: nil, scale: 1) }
        #expect(throws: TensorError.self) { try tiledAttention(x, x, x.to(.bfloat16), mask: nil, scale: 1) }
        #expect(throws: TensorError.self) { try tiledAttention(x, x, x, mask: tensor([1, 1, 2, 3]), scale: 1) }
        #expect(throws: TensorError.self) {
            try tiledAttention(x.select(0, axis: 0), x, x, mask: nil, scale: 1)
        }
    }
}
