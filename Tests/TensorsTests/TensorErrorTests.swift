import Tensors
import TestKit
import Testing

/// Calls that LibTorch refuses, by what is wrong with them.
private let refused: [(name: String, call: @Sendable () throws -> Tensor)] = [
    ("a product of shapes that do not fit", { try matmul(Tensor.empty([2, 3]), Tensor.empty([4, 5])) }),
    ("a sum of shapes that do not fit", { try Tensor.empty([2, 3]) + Tensor.empty([2, 4]) }),
    ("a product of types that do not fit", { try matmul(Tensor.empty([2, 2]), Tensor.empty([2, 2], .float64)) }),
    ("another count", { try Tensor.empty([2, 3]).reshaped(7) }),
    ("two open lengths", { try Tensor.empty([2, 3]).reshaped(-1, -1) }),
    ("a bad axis to transpose", { try Tensor.empty([2, 3]).transposed(0, 2) }),
    ("too few axes to permute", { try Tensor.empty([2, 3]).permuted(0) }),
    ("an axis twice", { try Tensor.empty([2, 3]).permuted(0, 0) }),
    ("a bad axis to add", { try Tensor.empty([2, 3]).unsqueezed(4) }),
    ("a bad axis to slice", { try Tensor.empty([2, 3]).slice(0..<1, axis: 2) }),
    ("a range past the end", { try Tensor.empty([2, 3]).slice(0..<4, axis: 1) }),
    ("a range before the start", { try Tensor.empty([2, 3]).slice(-2..<1, axis: 1) }),
    ("a position past the end", { try Tensor.empty([2, 3]).select(3, axis: 1) }),
    ("a shape that cannot be expanded", { try Tensor.empty([2, 3]).expanded(2, 4) }),
    ("unequal parts", { try Tensor.empty([2, 3]).chunks(2)[0] }),
    ("joined shapes that do not fit", { try concatenate([.empty([2, 3]), .empty([3, 3])], axis: 1) }),
    ("stacked shapes that do not fit", { try stack([.empty([2, 3]), .empty([3, 2])], axis: 0) }),
    ("a bad axis for softmax", { try softmax(Tensor.empty([2, 3]), axis: 3) }),
    ("a bad axis to sum over", { try Tensor.empty([2, 3]).sum(over: 5) }),
    ("a linear layer of another width", { try linear(.empty([2, 3]), weight: .empty([4, 5]), bias: nil) }),
    (
        "a linear layer of bfloat16 of another width",
        { try linear(.empty([40, 3], .bfloat16), weight: .empty([4, 5], .bfloat16), bias: nil) }
    ),
    ("a bias of another width", { try linear(.empty([2, 3]), weight: .empty([4, 3]), bias: .empty([3])) }),
    ("a row that a table has not", { try embedding(Tensor([9 as Int32], shape: [1]), table: .empty([4, 2])) }),
    ("a negative row", { try embedding(Tensor([-1 as Int32], shape: [1]), table: .empty([4, 2])) }),
    ("a norm of another width", { try layerNorm(.empty([2, 3]), weight: .empty([4]), epsilon: 1e-6) }),
    (
        "groups that do not divide",
        {
            try groupNorm(.empty([1, 3, 2, 2]), groups: 2, weight: .empty([3]), bias: .empty([3]), epsilon: 1e-6)
        }
    ),
    (
        "a window larger than the image",
        {
            try convolution2D(
                .empty([1, 1, 2, 2]), weight: .empty([1, 1, 5, 5]), bias: nil, stride: 1, padding: 0)
        }
    ),
    (
        "a modulation of another width",
        {
            try modulatedLayerNorm(.empty([1, 2, 4]), scale: .empty([1, 3]), shift: .empty([1, 4]), epsilon: 1e-6)
        }
    ),
    (
        "a modulation of another batch",
        {
            try gatedAdd(.empty([2, 2, 4]), gate: .empty([1, 4]), .empty([2, 2, 4]))
        }
    ),
    (
        "a residual of another length",
        {
            try gatedAdd(.empty([1, 3, 4]), gate: .empty([1, 4]), .empty([1, 2, 4]))
        }
    ),
    (
        "a gate of another width",
        {
            try swiglu(gate: .empty([1, 2, 3]), .empty([1, 2, 4]))
        }
    ),
    (
        "a gate beside another length",
        {
            try swiglu(gate: .empty([1, 2, 4]), .empty([1, 2, 4]), beside: .empty([1, 3, 4]))
        }
    ),
    (
        "a head of odd width",
        {
            try rmsNormRotary(
                .empty([1, 2, 1, 3]), weight: .empty([3]), cosine: .empty([2, 1]), sine: .empty([2, 1]), epsilon: 1e-6)
        }
    ),
    (
        "angles of other tokens",
        {
            try rmsNormRotary(
                .empty([1, 2, 1, 4]), weight: .empty([4]), cosine: .empty([3, 2]), sine: .empty([3, 2]), epsilon: 1e-6)
        }
    ),
    (
        "tokens behind others, without a norm",
        {
            try rmsNormRotary(
                .empty([1, 2, 1, 4]), weight: .empty([4]), before: .empty([1, 1, 1, 4]), cosine: .empty([3, 2]),
                sine: .empty([3, 2]), epsilon: 1e-6)
        }
    ),
    ("a negative length", { try Tensor.empty([-1]) }),
    ("a device that is not there", { try Tensor.empty([1], on: .cuda(0)) }),
]

@DeviceActor @Suite struct TensorErrorTests {
    @Test(arguments: refused.map(\.name))
    func saysInOneSentenceWhatIsWrong(_ name: String) throws {
        let call = try #require(refused.first { $0.name == name }?.call)
        let error = try #require(throws: TensorError.self) { _ = try call() }
        #expect(error.kind == .other)
        #expect(!error.operation.isEmpty)
        #expect("\(error)".hasPrefix("\(error.operation) failed: "))
        #expect(!"\(error)".contains("\n"))
        #expect(!"\(error)".contains("Exception raised from"))
    }

    @Test(arguments: [[1 << 46], [1 << 23, 1 << 23], [1 << 60]])
    func tellsWhenMemoryIsShort(_ shape: [Int]) throws {
        let error = try #require(throws: TensorError.self) { _ = try Tensor.empty(shape, .uint8) }
        #expect(error.kind == .outOfMemory)
        #expect("\(error)".hasPrefix("out of memory in empty: "))
        #expect(!"\(error)".contains("\n"))
    }

    @Test func saysWhenSizesOverflow() {
        #expect(throws: TensorError.self) { _ = try Tensor.empty([1 << 40, 1 << 40]) }
    }

    /// The shim keeps the last failure per thread; it must not leak into the next call.
    @Test func worksOnAfterAFailure() throws {
        #expect(throws: TensorError.self) { _ = try Tensor.empty([2, 3]).reshaped(7) }
        #expect(try (Tensor.full(1, [2]) + Tensor.full(2, [2])).floats() == [3, 3])
    }
}
