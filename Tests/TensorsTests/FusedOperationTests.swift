import Foundation
import Tensors
import TestKit
import Testing

/// A shape `[batch, tokens, width]`, or with heads, and the type computed in.
struct FusedCase: Sendable, CustomStringConvertible {
    let shape: [Int]
    let dtype: DType
    let isContiguous: Bool

    var description: String { "\(shape) \(dtype)\(isContiguous ? "" : ", not contiguous")" }

    static func all(_ shapes: [[Int]]) -> [FusedCase] {
        shapes.flatMap { shape in
            [DType.float32, .bfloat16, .float16].flatMap { dtype in
                [true, false].map { FusedCase(shape: shape, dtype: dtype, isContiguous: $0) }
            }
        }
    }

    /// The input, laid out as the case says.
    func input(seed: Int = 1) throws -> Tensor {
        guard !isContiguous else { return try tensor(shape, dtype, seed: seed) }
        let last = shape.count - 1
        var swapped = shape
        swapped.swapAt(1, last)
        return try tensor(swapped, dtype, seed: seed).transposed(1, last)
    }
}

@DeviceActor @Suite struct ModulatedLayerNormTests {
    @Test(arguments: FusedCase.all([[1, 1, 1], [1, 5, 8], [2, 3, 7], [3, 4, 33], [2, 1, 3072], [1, 700, 64]]))
    func followsTheFormula(_ test: FusedCase) throws {
        let (batch, tokens, width) = (test.shape[0], test.shape[1], test.shape[2])
        let x = try test.input()
        let (scale, shift) = try (
            tensor([batch, width], test.dtype, seed: 2), tensor([batch, width], test.dtype, seed: 3)
        )
        let result = try modulatedLayerNorm(x, scale: scale, shift: shift, epsilon: 1e-6)
        #expect(result.dtype == test.dtype)
        let (values, a, b) = try (x.doubles(), scale.doubles(), shift.doubles())
        var expected: [Double] = []
        for row in 0..<batch * tokens {
            let numbers = Array(values[row * width..<(row + 1) * width])
            let mean = numbers.reduce(0, +) / Double(width)
            let variance = numbers.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(width)
            for (i, number) in numbers.enumerated() {
                let at = row / tokens * width + i
                expected.append((number - mean) / (variance + 1e-6).squareRoot() * (1 + a[at]) + b[at])
            }
        }
        let distance = try result.distance(to: expected, "modulated layer norm")
        #expect(distance <= max(2e-6, rounding(test.dtype) / 2))
    }

    @Test(arguments: [true, false]) func givesAnotherTypeWhereAsked(_ isContiguous: Bool) throws {
        let x = try FusedCase(shape: [2, 3, 8], dtype: .float32, isContiguous: isContiguous).input()
        let vectors = try tensor([2, 8], seed: 2)
        let result = try modulatedLayerNorm(x, scale: vectors, shift: vectors, epsilon: 1e-6, as: .bfloat16)
        let expected = try modulatedLayerNorm(x, scale: vectors, shift: vectors, epsilon: 1e-6).to(.bfloat16)
        #expect(result.dtype == .bfloat16)
        #expect(try result.floats() == expected.floats())
    }

    /// Numbers far from zero lose their digits in a sum of squares; the variance must not be taken that way.
    @Test func staysExactFarFromZero() throws {
        let values = (0..<64).map { 1e4 + Double($0 % 4) }
        let zero = try Tensor.full(0, [1, 64])
        let result = try modulatedLayerNorm(
            Tensor(values, shape: [1, 1, 64]).to(.float32), scale: zero, shift: zero, epsilon: 1e-6)
        let deviation = 1.25.squareRoot()
        let distance = try result.distance(to: values.map { ($0 - 10001.5) / deviation })
        #expect(distance <= 1e-4)
    }

    @Test func takesPartsOfOneModulation() throws {
        let x = try tensor([2, 3, 8])
        let parts = try tensor([2, 24], seed: 4).chunks(3)
        let result = try modulatedLayerNorm(x, scale: parts[1], shift: parts[0], epsilon: 1e-6)
        let expected = try modulatedLayerNorm(
            x, scale: parts[1].contiguous(), shift: parts[0].contiguous(), epsilon: 1e-6)
        #expect(try result.floats() == expected.floats())
    }
}

@DeviceActor @Suite struct ModulatedRMSNormTests {
    @Test(
        arguments: FusedCase.all([[1, 1, 1], [1, 5, 8], [2, 6, 7], [3, 4, 33], [2, 1, 3072], [1, 700, 64]]), [1, 2])
    func followsTheFormula(_ test: FusedCase, _ count: Int) throws {
        let (batch, tokens, width) = (test.shape[0], test.shape[1], test.shape[2])
        let groups = tokens.isMultiple(of: count) ? count : 1
        let x = try test.input()
        let (scale, shift) = try (
            tensor([batch, groups, width], test.dtype, seed: 2), tensor([batch, groups, width], test.dtype, seed: 3)
        )
        let result = try modulatedRMSNorm(x, scale: scale, shift: shift, epsilon: 1e-6)
        #expect(result.dtype == test.dtype)
        let (values, a, b) = try (x.doubles(), scale.doubles(), shift.doubles())
        var expected: [Double] = []
        for row in 0..<batch * tokens {
            let numbers = Array(values[row * width..<(row + 1) * width])
            let mean = numbers.map { $0 * $0 }.reduce(0, +) / Double(width)
            for (i, number) in numbers.enumerated() {
                let at = row / (tokens / groups) * width + i
                expected.append(number / (mean + 1e-6).squareRoot() * (1 + a[at]) + b[at])
            }
        }
        let distance = try result.distance(to: expected, "modulated RMS norm")
        #expect(distance <= max(2e-6, rounding(test.dtype) / 2))
    }

    @Test(arguments: [true, false]) func givesAnotherTypeWhereAsked(_ isContiguous: Bool) throws {
        let x = try FusedCase(shape: [2, 3, 8], dtype: .float32, isContiguous: isContiguous).input()
        let vectors = try tensor([2, 8], seed: 2)
        let result = try modulatedRMSNorm(x, scale: vectors, shift: vectors, epsilon: 1e-6, as: .bfloat16)
        let expected = try modulatedRMSNorm(x, scale: vectors, shift: vectors, epsilon: 1e-6).to(.bfloat16)
        #expect(result.dtype == .bfloat16)
        #expect(try result.floats() == expected.floats())
    }
}

@DeviceActor @Suite struct GroupedModulationTests {
    /// A modulation for each group of tokens does what each group's own would.
    @Test(arguments: [1, 2, 3, 6], [true, false]) func servesEqualGroupsOfTokensInARow(
        _ groups: Int, _ isContiguous: Bool
    ) throws {
        let shape = FusedCase(shape: [2, 6, 7], dtype: .float32, isContiguous: isContiguous)
        let (x, residual) = try (shape.input(), tensor([2, 6, 7], seed: 5))
        let parts = try tensor([2, groups, 21], seed: 4).chunks(3)
        let normed = try modulatedLayerNorm(x, scale: parts[1], shift: parts[0], epsilon: 1e-6)
        let added = try gatedAdd(residual, gate: parts[2], x)
        for group in 0..<groups {
            let tokens = group * 6 / groups..<(group + 1) * 6 / groups
            func part(_ index: Int) throws -> Tensor { try parts[index].select(group, axis: 1) }
            let some = try x.slice(tokens, axis: 1)
            #expect(
                try normed.slice(tokens, axis: 1).distance(
                    to: modulatedLayerNorm(some, scale: part(1), shift: part(0), epsilon: 1e-6)) <= 1e-6)
            #expect(
                try added.slice(tokens, axis: 1).distance(
                    to: gatedAdd(residual.slice(tokens, axis: 1), gate: part(2), some)) <= 1e-6)
        }
    }

    @Test(arguments: [[2, 4, 7], [2, 0, 7], [1, 3, 7], [2, 3, 8], [7]]) func refusesWhatDoesNotFit(
        _ shape: [Int]
    ) throws {
        let x = try tensor([2, 6, 7])
        let gate = try tensor(shape)
        #expect(throws: TensorError.self) { try gatedAdd(x, gate: gate, x) }
        #expect(throws: TensorError.self) { try modulatedLayerNorm(x, scale: gate, shift: gate, epsilon: 1e-6) }
    }
}

@DeviceActor @Suite struct GatedAddTests {
    @Test(arguments: FusedCase.all([[1, 1, 1], [2, 3, 7], [3, 4, 33], [1, 700, 64]]))
    func followsTheFormula(_ test: FusedCase) throws {
        let (batch, tokens, width) = (test.shape[0], test.shape[1], test.shape[2])
        let (x, residual) = try (test.input(), tensor(test.shape, test.dtype, seed: 5))
        let gate = try tensor([batch, width], test.dtype, seed: 2)
        let result = try gatedAdd(residual, gate: gate, x)
        #expect(result.dtype == test.dtype)
        let (a, b, g) = try (residual.doubles(), x.doubles(), gate.doubles())
        let expected = a.indices.map { a[$0] + g[$0 / (tokens * width) * width + $0 % width] * b[$0] }
        let distance = try result.distance(to: expected, "gated add")
        #expect(distance <= max(1e-6, rounding(test.dtype) / 2))
    }

    @Test func addsWhatIsOfAnotherType() throws {
        let (residual, gate) = try (tensor([2, 3, 8], seed: 5), tensor([2, 8], seed: 2))
        let x = try tensor([2, 3, 8], .bfloat16, seed: 1)
        let result = try gatedAdd(residual, gate: gate, x)
        #expect(result.dtype == .float32)
        #expect(try result.floats() == gatedAdd(residual, gate: gate, x.to(.float32)).floats())
    }

    @Test(arguments: [DType.float32, .bfloat16]) func isTheResidualWhenTheGateIsShut(_ dtype: DType) throws {
        let residual = try tensor([2, 3, 5], dtype)
        let result = try gatedAdd(residual, gate: .full(0, [2, 5], dtype), tensor([2, 3, 5], dtype, seed: 9))
        #expect(try result.floats() == residual.floats())
    }
}

@DeviceActor @Suite struct SwiGLUTests {
    /// Gate and value are parts of one product, or tensors of their own, which need not be dense.
    @Test(arguments: FusedCase.all([[1, 1, 1], [2, 3, 7], [3, 4, 33], [1, 700, 64]]), [true, false])
    func followsTheFormula(_ test: FusedCase, _ isBeside: Bool) throws {
        let (batch, tokens, width) = (test.shape[0], test.shape[1], test.shape[2])
        let product = try tensor([batch, tokens, 2 * width], test.dtype, seed: 3).chunks(2)
        let (gate, x) = test.isContiguous ? (product[0], product[1]) : (try test.input(), product[1])
        let other = isBeside ? try tensor([batch, tokens, 5], test.dtype, seed: 2) : nil
        var result = try swiglu(gate: gate, x, beside: other)
        #expect(result.dtype == test.dtype)
        if let other {
            #expect(result.shape == [batch, tokens, 5 + width])
            #expect(try result.slice(0..<5, axis: 2).floats() == other.floats())
            result = try result.slice(5..<5 + width, axis: 2)
        }
        let expected = try zip(gate.doubles(), x.doubles()).map { gate, x in gate / (1 + exp(-gate)) * x }
        #expect(try result.distance(to: expected, "SwiGLU") <= max(1e-6, rounding(test.dtype) / 2))
    }

    /// Far from zero the gate is shut or lets everything through, without overflow.
    @Test(arguments: [DType.float32, .bfloat16]) func staysFiniteFarFromZero(_ dtype: DType) throws {
        let gate = try Tensor([-3e38, -1000, -88, 0, 88, 1000], shape: [1, 1, 6]).to(dtype)
        let result = try swiglu(gate: gate, .full(1, [1, 1, 6], dtype)).floats()
        #expect(result[..<4].allSatisfy { abs($0) < 1e-30 })
        #expect(Array(result[4...]) == [88, 1000])
    }
}

@DeviceActor @Suite struct RMSNormRotaryTests {
    @Test(arguments: FusedCase.all([[1, 1, 1, 2], [2, 3, 2, 8], [1, 5, 3, 10], [2, 4, 5, 128], [1, 300, 2, 64]]))
    func followsTheFormula(_ test: FusedCase) throws {
        let (tokens, heads, width) = (test.shape[1], test.shape[2], test.shape[3])
        let x = try test.input()
        let weight = try tensor([width], test.dtype, seed: 2)
        let angles = try tensor([tokens, width / 2], seed: 3)
        let (cosine, sine) = try (cos(angles), sin(angles))
        let result = try rmsNormRotary(x, weight: weight, cosine: cosine, sine: sine, epsilon: 1e-6)
        #expect(result.dtype == test.dtype)
        let (values, w, c, s) = try (x.doubles(), weight.doubles(), cosine.doubles(), sine.doubles())
        var expected: [Double] = []
        for row in 0..<values.count / width {
            let numbers = Array(values[row * width..<(row + 1) * width])
            let factor = 1 / (numbers.map { $0 * $0 }.reduce(0, +) / Double(width) + 1e-6).squareRoot()
            for pair in 0..<width / 2 {
                let at = row / heads % tokens * width / 2 + pair
                let even = numbers[2 * pair] * factor * w[2 * pair]
                let odd = numbers[2 * pair + 1] * factor * w[2 * pair + 1]
                expected += [even * c[at] - odd * s[at], even * s[at] + odd * c[at]]
            }
        }
        let distance = try result.distance(to: expected, "norm and rotation")
        #expect(distance <= max(2e-6, rounding(test.dtype) / 2))
    }

    /// Tokens with norms of their own come into one tensor, each as it would alone.
    @Test(arguments: FusedCase.all([[1, 1, 1, 2], [2, 3, 2, 8], [2, 5, 3, 10], [3, 4, 5, 128]]), [0, 1, 7])
    func joinsTokensOfTwoNorms(_ test: FusedCase, _ others: Int) throws {
        let (batch, tokens, heads, width) = (test.shape[0], test.shape[1], test.shape[2], test.shape[3])
        let (x, y) = (try test.input(), try tensor([batch, others, heads, width], test.dtype, seed: 4))
        let (one, other) = try (tensor([width], test.dtype, seed: 2), tensor([width], test.dtype, seed: 5))
        let angles = try tensor([tokens + others, width / 2], seed: 3)
        let (cosine, sine) = try (cos(angles), sin(angles))
        func alone(_ x: Tensor, _ weight: Tensor, _ range: Range<Int>) throws -> Tensor {
            try rmsNormRotary(
                x, weight: weight, cosine: cosine.slice(range, axis: 0), sine: sine.slice(range, axis: 0), epsilon: 1e-6
            )
        }
        let joined = try rmsNormRotary(
            x, weight: one, before: y, weight: other, cosine: cosine, sine: sine, epsilon: 1e-6)
        let expected = try concatenate(
            [alone(x, one, 0..<tokens), alone(y, other, tokens..<tokens + others)], axis: 1)
        #expect(joined.dtype == test.dtype)
        #expect(joined.shape == expected.shape)
        #expect(try joined.floats() == expected.floats())
    }

    /// The heads of a joint projection are not neighbours in memory, and need not be copied together.
    @Test func readsHeadsWithGapsBetween() throws {
        let joint = try tensor([2, 3, 4, 8])
        let angles = try tensor([3, 4], seed: 3)
        let (cosine, sine, weight) = try (cos(angles), sin(angles), tensor([8], seed: 2))
        let view = try joint.slice(1..<3, axis: 2)
        let result = try rmsNormRotary(view, weight: weight, cosine: cosine, sine: sine, epsilon: 1e-6)
        let expected = try rmsNormRotary(
            view.contiguous(), weight: weight, cosine: cosine, sine: sine, epsilon: 1e-6)
        #expect(try result.floats() == expected.floats())
    }
}

@DeviceActor @Suite struct JointRMSNormRotaryTests {
    @Test(arguments: FusedCase.all([[1, 1, 2], [2, 3, 24], [1, 5, 30], [2, 4, 640], [1, 300, 128]]), [1, 2])
    func followsTheFormula(_ test: FusedCase, _ headCount: Int) throws {
        let (tokens, width) = (test.shape[1], test.shape[2])
        let heads = width.isMultiple(of: 2 * headCount) ? headCount : 1
        let pairs = width / heads / 2
        let x = try test.input()
        let weight = try tensor([width], test.dtype, seed: 2)
        let angles = try tensor([tokens, pairs], seed: 3)
        let (cosine, sine) = try (cos(angles), sin(angles))
        let result = try jointRMSNormRotary(x, weight: weight, cosine: cosine, sine: sine, epsilon: 1e-6)
        #expect(result.dtype == test.dtype)
        #expect(result.shape == test.shape)
        let (values, w, c, s) = try (x.doubles(), weight.doubles(), cosine.doubles(), sine.doubles())
        var expected: [Double] = []
        for row in 0..<values.count / width {
            let numbers = Array(values[row * width..<(row + 1) * width])
            let factor = 1 / (numbers.map { $0 * $0 }.reduce(0, +) / Double(width) + 1e-6).squareRoot()
            for pair in 0..<width / 2 {
                let at = row % tokens * pairs + pair % pairs
                let even = numbers[2 * pair] * factor * w[2 * pair]
                let odd = numbers[2 * pair + 1] * factor * w[2 * pair + 1]
                expected += [even * c[at] - odd * s[at], even * s[at] + odd * c[at]]
            }
        }
        let distance = try result.distance(to: expected, "joint norm and rotation")
        #expect(distance <= max(2e-6, rounding(test.dtype) / 2))
    }

    @Test func refusesTablesThatDoNotFit() throws {
        let (x, weight) = try (tensor([1, 3, 12]), tensor([12]))
        for shape in [[3, 4], [2, 3], [3, 0], [18]] {
            let table = try tensor(shape)
            #expect(throws: TensorError.self) {
                try jointRMSNormRotary(x, weight: weight, cosine: table, sine: table, epsilon: 1e-6)
            }
        }
    }
}

@DeviceActor @Suite struct JointRMSNormRotaryOfHalvesTests {
    @Test(arguments: FusedCase.all([[1, 1, 8], [2, 3, 24], [1, 5, 32], [2, 4, 640], [1, 300, 128]]), [1, 2])
    func followsTheFormula(_ test: FusedCase, _ headCount: Int) throws {
        let (tokens, width) = (test.shape[1], test.shape[2])
        let heads = width.isMultiple(of: 2 * headCount) ? headCount : 1
        let pairs = width / heads / 2
        let x = try test.input()
        let weight = try tensor([width], test.dtype, seed: 2)
        let angles = try tensor([tokens, heads, pairs], seed: 3)
        let (cosine, sine) = try (cos(angles), sin(angles))
        let result = try jointRMSNormRotaryOfHalves(x, weight: weight, cosine: cosine, sine: sine, epsilon: 1e-6)
        #expect(result.dtype == test.dtype)
        #expect(result.shape == test.shape)
        let (values, w, c, s) = try (x.doubles(), weight.doubles(), cosine.doubles(), sine.doubles())
        var expected = [Double](repeating: 0, count: values.count)
        for row in 0..<values.count / width {
            let numbers = Array(values[row * width..<(row + 1) * width])
            let factor = 1 / (numbers.map { $0 * $0 }.reduce(0, +) / Double(width) + 1e-6).squareRoot()
            for head in 0..<heads {
                for pair in 0..<pairs {
                    let (one, other) = (2 * head * pairs + pair, (2 * head + 1) * pairs + pair)
                    let at = (row % tokens * heads + head) * pairs + pair
                    let (a, b) = (numbers[one] * factor * w[one], numbers[other] * factor * w[other])
                    expected[row * width + one] = a * c[at] - b * s[at]
                    expected[row * width + other] = b * c[at] + a * s[at]
                }
            }
        }
        let distance = try result.distance(to: expected, "joint norm and rotation of halves")
        #expect(distance <= max(2e-6, rounding(test.dtype) / 2))
    }

    @Test func refusesTablesThatDoNotFit() throws {
        let (x, weight) = try (tensor([1, 3, 12]), tensor([12]))
        for shape in [[3, 2, 4], [2, 2, 3], [3, 6], [18]] {
            let table = try tensor(shape)
            #expect(throws: TensorError.self) {
                try jointRMSNormRotaryOfHalves(x, weight: weight, cosine: table, sine: table, epsilon: 1e-6)
            }
        }
    }
}

@DeviceActor @Suite struct RMSNormRotaryOfHalvesTests {
    /// The tables of all items, or of each.
    @Test(arguments: FusedCase.all([[1, 1, 8], [2, 3, 24], [2, 4, 640], [1, 300, 128]]), [(1, true), (4, false)])
    func followsTheFormula(_ test: FusedCase, _ given: (heads: Int, isOfItems: Bool)) throws {
        let (heads, isOfItems) = given
        let (batch, tokens, pairs) = (test.shape[0], test.shape[1], test.shape[2] / heads / 2)
        let (width, shape) = (2 * pairs, [batch, tokens, heads, 2 * pairs])
        let x = try test.input().reshaped(shape)
        let weight = try tensor([width], test.dtype, seed: 2)
        let angles = try tensor((isOfItems ? [batch] : []) + [tokens, pairs], seed: 3)
        let (cosine, sine) = try (cos(angles), sin(angles))
        let result = try rmsNormRotaryOfHalves(x, weight: weight, cosine: cosine, sine: sine, epsilon: 1e-6)
        #expect(result.dtype == test.dtype)
        #expect(result.shape == shape)
        let (values, w, c, s) = try (x.doubles(), weight.doubles(), cosine.doubles(), sine.doubles())
        var expected = [Double](repeating: 0, count: values.count)
        for head in 0..<values.count / width {
            let numbers = Array(values[head * width..<(head + 1) * width])
            let factor = 1 / (numbers.map { $0 * $0 }.reduce(0, +) / Double(width) + 1e-6).squareRoot()
            let row = isOfItems ? head / heads : head / heads % tokens
            for pair in 0..<pairs {
                let (one, other, at) = (pair, pairs + pair, row * pairs + pair)
                let (a, b) = (numbers[one] * factor * w[one], numbers[other] * factor * w[other])
                expected[head * width + one] = a * c[at] - b * s[at]
                expected[head * width + other] = b * c[at] + a * s[at]
            }
        }
        let distance = try result.distance(to: expected, "norm and rotation of halves")
        #expect(distance <= max(2e-6, rounding(test.dtype) / 2))
    }

    @Test func refusesTablesThatDoNotFit() throws {
        let (x, weight) = try (tensor([2, 3, 2, 6]), tensor([6]))
        for shape in [[3, 2], [2, 3], [1, 3, 3], [9], [2, 3, 2, 3]] {
            let table = try tensor(shape)
            #expect(throws: TensorError.self) {
                try rmsNormRotaryOfHalves(x, weight: weight, cosine: table, sine: table, epsilon: 1e-6)
            }
        }
    }
}
