import Foundation
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct TensorArithmeticTests {
    @Test(arguments: [
        ([2, 3], [2, 3]), ([2, 3], [3]), ([2, 1], [1, 3]), ([2, 3], []), ([4, 1, 3], [2, 1]), ([0], [1]),
    ])
    func broadcasts(_ left: [Int], _ right: [Int]) throws {
        let (a, b) = try (tensor(left), tensor(right, seed: 2))
        let shape = zip(padded(left, right.count), padded(right, left.count)).map { $0 == 1 ? $1 : $0 }
        let (x, y) = try (a.expanded(shape).doubles(), b.expanded(shape).doubles())
        func check(_ name: String, _ result: Tensor, _ formula: (Double, Double) -> Double) throws {
            let expected = zip(x, y).map(formula)
            #expect(result.shape == shape)
            #expect(try result.distance(to: expected, name) <= 1e-6)
        }
        try check("+", a + b) { $0 + $1 }
        try check("-", a - b) { $0 - $1 }
        try check("*", a * b) { $0 * $1 }
        try check("/", a / b) { $0 / $1 }
    }

    /// A shape with as many axes as another, new ones in front.
    private func padded(_ shape: [Int], _ rank: Int) -> [Int] {
        [Int](repeating: 1, count: max(rank - shape.count, 0)) + shape
    }

    @Test func takesNumbersOnEitherSide() throws {
        let x = try Tensor([1, 2, 4] as [Float], shape: [3])
        #expect(try (x + 0.5).floats() == [1.5, 2.5, 4.5])
        #expect(try (0.5 + x).floats() == [1.5, 2.5, 4.5])
        #expect(try (x - 0.5).floats() == [0.5, 1.5, 3.5])
        #expect(try (0.5 - x).floats() == [-0.5, -1.5, -3.5])
        #expect(try (x * 3).floats() == [3, 6, 12])
        #expect(try (3 * x).floats() == [3, 6, 12])
        #expect(try (x / 2).floats() == [0.5, 1, 2])
        #expect(try (2 / x).floats() == [2, 1, 0.5])
        #expect(try (-x).floats() == [-1, -2, -4])
    }

    @Test(arguments: [DType.float32, .bfloat16, .float16, .float64])
    func keepsTheTypeBesideANumber(_ dtype: DType) throws {
        let x = try Tensor.full(1, [2], dtype)
        for result in [try x + 1, try 1 - x, try x * 0.5, try 1 / x] { #expect(result.dtype == dtype) }
    }

    private static let functions: [(name: String, call: @Sendable (Tensor) throws -> Tensor, Function)] = [
        ("exp", { try exp($0) }, { Foundation.exp($0) }),
        ("sin", { try sin($0) }, { Foundation.sin($0) }),
        ("cos", { try cos($0) }, { Foundation.cos($0) }),
        ("tanh", { try tanh($0) }, { Foundation.tanh($0) }),
        ("abs", { try abs($0) }, { Swift.abs($0) }),
        ("round", { try round($0) }, { $0.rounded(.toNearestOrEven) }),
        ("silu", { try silu($0) }, { $0 / (1 + Foundation.exp(-$0)) }),
        ("relu", { try relu($0) }, { max($0, 0) }),
        ("gelu", { try gelu($0) }, { $0 / 2 * (1 + erf($0 / 2.0.squareRoot())) }),
        (
            "geluTanh", { try geluTanh($0) },
            { $0 / 2 * (1 + Foundation.tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0))) }
        ),
        ("quickGELU", { try quickGELU($0) }, { $0 / (1 + Foundation.exp(-1.702 * $0)) }),
        ("clamped", { try $0.clamped(-1, 0.5) }, { min(max($0, -1), 0.5) }),
        ("sqrt of the magnitude", { try sqrt(abs($0)) }, { Swift.abs($0).squareRoot() }),
        ("log of the magnitude", { try log(abs($0)) }, { Foundation.log(Swift.abs($0)) }),
    ]
    typealias Function = @Sendable (Double) -> Double

    @Test(arguments: [DType.float32, .bfloat16, .float16])
    func followsTheFormulas(_ dtype: DType) throws {
        let x = try tensor([3, 37], dtype)
        for (name, call, formula) in Self.functions {
            let result = try call(x)
            #expect(result.dtype == dtype)
            let distance = try result.distance(to: x.doubles().map(formula), name)
            #expect(distance <= 2 * rounding(dtype))
        }
    }

    @Test func addsUpOverAxes() throws {
        let x = try Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [1, 2, 3])
        #expect(try x.sum(over: 1).shape == [1, 1, 3])
        #expect(try x.sum(over: 1).floats() == [5, 7, 9])
        #expect(try x.mean(over: -1).floats() == [2, 5])
        #expect(try x.mean(over: 0, 1, 2).floats() == [3.5])
        #expect(try x.max() == 6)
    }
}

@DeviceActor @Suite struct TensorShapeTests {
    /// For every place of the result, where its number came from.
    @Test func permutedPutsEveryNumberWhereItsAxesGo() throws {
        let x = try tensor([2, 3, 4])
        let (source, result) = try (x.floats(), x.permuted(2, 0, 1).floats())
        for a in 0..<2 {
            for b in 0..<3 { for c in 0..<4 { #expect(result[(c * 2 + a) * 3 + b] == source[(a * 3 + b) * 4 + c]) } }
        }
    }

    @Test func chunksAndConcatenationUndoEachOther() throws {
        let x = try tensor([2, 6, 5])
        for axis in [0, 1, -2] {
            let whole = try concatenate(x.chunks(2, axis: axis), axis: axis)
            #expect(try whole.floats() == x.floats())
        }
        #expect(try concatenate(x.chunks(5), axis: 2).floats() == x.floats())
    }

    @Test func repeatsEveryPositionInARow() throws {
        let x = try Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])
        #expect(try x.repeated(2, axis: 0).floats() == [1, 2, 1, 2, 3, 4, 3, 4])
        #expect(try x.repeated(2, axis: 1).floats() == [1, 1, 2, 2, 3, 3, 4, 4])
    }

    @Test func padsTheLastAxisFirst() throws {
        let x = try Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])
        #expect(try x.padded(0, 1, 1, 0).floats() == [0, 0, 0, 1, 2, 0, 3, 4, 0])
    }

    @Test func gathersInTheOrderAskedFor() throws {
        let x = try Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
        #expect(try x.gathered(Tensor([2, 0, 2] as [Int32], shape: [3]), axis: 1).floats() == [3, 1, 3, 6, 4, 6])
    }

    @Test func countsNegativeAxesFromTheEnd() throws {
        let x = try tensor([2, 3, 4])
        #expect(x.size(-1) == 4)
        #expect(x.size(0) == 2)
        #expect(try x.transposed(-1, -2).shape == [2, 4, 3])
        #expect(try x.reshaped(4, -1).shape == [4, 6])
        #expect(try stack([x, x], axis: 1).shape == [2, 2, 3, 4])
    }
}
