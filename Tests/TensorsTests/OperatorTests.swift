import CTorch
import Tensors
import TestKit
import Testing

/// Calls that the dispatcher refuses, by what is wrong with them.
private let refused: [(name: String, message: String, call: @Sendable () throws -> Void)] = [
    ("an unknown operator", "there is no operator visualgen::rotate", { _ = try call("rotate", Tensor.empty([2])) }),
    ("no argument", "missing value for argument 'x'", { _ = try call("silu") }),
    ("one too few", "missing value for argument 'x'", { _ = try call("gated_add", one(), one()) }),
    ("one too many", "at most 1 argument", { _ = try call("silu", one(), one()) }),
    ("a number for a tensor", "for argument 'x'", { _ = try call("silu", 1.5) }),
    ("a tensor for a number", "for argument 'epsilon'", { _ = try call("rms_norm_silu", one(), one(), one()) }),
    ("a whole number for a fraction", "for argument 'epsilon'", { _ = try call("rms_norm_silu", one(), one(), 1) }),
    (
        "a fraction for a whole number", "for argument 'groups'",
        { _ = try call("group_norm_silu", one(), 1.5, one(), one(), 1e-6) }
    ),
    ("nil for a tensor", "for argument 'x'", { _ = try call("silu", nil as Tensor?) }),
    ("one result of two", "gives 2 and not 1 tensors", { _ = try call("attention_part", one(), one(), one()) }),
    ("two results of one", "gives 1 and not 2 tensors", { _ = try callForTwo("silu", one()) }),
    ("what the operator itself refuses", "expected [batch, tokens, width]", { _ = try modulated(one()) }),
]

private func one() throws -> Tensor { try Tensor.full(1, [1]) }

private func modulated(_ x: Tensor) throws -> Tensor {
    try call("modulated_layer_norm", x, x, x, 1e-6, DType.float32)
}

/// Calls of our own operators by name.
@DeviceActor @Suite struct OperatorTests {
    @Test(arguments: refused.map(\.name))
    func saysWhatIsWrongWithACall(_ name: String) throws {
        let item = try #require(refused.first { $0.name == name })
        let error = try #require(throws: TensorError.self) { try item.call() }
        #expect(error.kind == .other)
        #expect("\(error)".contains(item.message))
        #expect(!"\(error)".contains("\n"))
    }

    @Test func passesEveryKindOfArgument() throws {
        let x = try tensor([1, 2, 4])
        let vectors = try tensor([1, 4], seed: 2)
        #expect(try call("modulated_layer_norm", x, vectors, vectors, 1e-6, DType.bfloat16).dtype == .bfloat16)
        let image = try tensor([1, 4, 2, 2])
        let (weight, bias) = try (tensor([4], seed: 2), tensor([4], seed: 3))
        let expected = try silu(groupNorm(image, groups: 2, weight: weight, bias: bias, epsilon: 1e-6))
        #expect(try call("group_norm_silu", image, 2, weight, bias, 1e-6).distance(to: expected) <= 1e-6)
    }

    @Test func takesATensorThatMayBeAbsent() throws {
        let (x, weight, bias) = try (tensor([2, 3]), tensor([4, 3], seed: 2), tensor([4], seed: 3))
        let without = try call("linear_gelu", x, weight, nil as Tensor?)
        #expect(try without.distance(to: geluTanh(matmul(x, weight.transposed(0, 1)))) <= 1e-6)
        let with = try call("linear_gelu", x, weight, bias as Tensor?)
        #expect(try with.distance(to: geluTanh(matmul(x, weight.transposed(0, 1)) + bias)) <= 1e-6)
        #expect(try call("linear_gelu", x, weight, bias).floats() == with.floats())
    }

    @Test func givesTwoTensors() throws {
        let (query, key) = try (tensor([1, 2, 3, 8]), tensor([1, 2, 5, 8], seed: 2))
        let (result, sums) = try callForTwo("attention_part", query, key, key, nil as Tensor?, 0.5)
        #expect(result.shape == [1, 2, 3, 8])
        #expect(sums.shape == [1, 2, 3] && sums.dtype == .float32)
        let scores = try matmul(query, key.transposed(2, 3)) * 0.5
        #expect(try sums.distance(to: log(exp(scores).sum(over: 3)).reshaped(1, 2, 3)) <= 1e-5)
    }

    /// A thread finds an operator once and then knows it, also after one that is not there.
    @Test func worksOnAfterAFailure() throws {
        #expect(throws: TensorError.self) { _ = try call("rotate") }
        #expect(throws: TensorError.self) { _ = try call("rotate") }
        #expect(try call("silu", Tensor.full(0, [2])).floats() == [0, 0])
    }

    @Test func refusesAnUnknownKindOfArgument() throws {
        let argument = ct_argument(kind: ct_argument_kind(rawValue: 9), value: .init(integer: 0))
        #expect(ct_call("silu", [argument], 1, nil) == nil)
        #expect(String(cString: ct_error_message()).hasPrefix("unknown kind of argument 9"))
        let dtype = ct_argument(kind: CT_ARGUMENT_DTYPE, value: .init(dtype: ct_dtype(rawValue: 99)))
        #expect(ct_call("silu", [dtype], 1, nil) == nil)
        #expect(String(cString: ct_error_message()).hasPrefix("unknown dtype code 99"))
    }
}
