import Layers
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct LinearInputTests {
    private let x: Tensor
    private let gate: Tensor
    private let other: Tensor

    init() throws {
        x = try Generator(seed: 1).normal([2, 3, 32])
        gate = try Generator(seed: 2).normal([2, 3, 32])
        other = try Generator(seed: 3).normal([2, 3, 16])
    }

    @Test func makesTheTokensWhenTheyAreWanted() throws {
        let (scale, shift) = (try Generator(seed: 4).normal([2, 32]), try Generator(seed: 5).normal([2, 32]))
        let made = [
            (LinearInput(x), x),
            (
                LinearInput(normed: x, scale: scale, shift: shift, epsilon: 1e-6),
                try modulatedLayerNorm(x, scale: scale, shift: shift, epsilon: 1e-6)
            ),
            (LinearInput(geluTanh: x), try geluTanh(x)),
            (LinearInput(geluTanh: x, beside: other), try concatenate([other, geluTanh(x)], axis: 2)),
            (LinearInput(gate: gate, x), try swiglu(gate: gate, x)),
            (LinearInput(gate: gate, x, beside: other), try swiglu(gate: gate, x, beside: other)),
        ]
        for (input, expected) in made {
            for _ in 0..<2 {
                #expect(try input.tokens().shape == expected.shape)
                #expect(try input.tokens().floats() == expected.floats())
            }
        }
    }

    @Test(arguments: [nil] + QuantAlgorithm.allCases)
    func isTheSameToEveryLayerThatHasIt(_ algorithm: QuantAlgorithm?) throws {
        let plan = ComputePlan(quantization: algorithm.map { QuantizationPlan($0) })
        let weights = Weights(RandomWeights(deviation: 0.2), ComputeContext(plan), for: .transformer)
        let layers = try [weights["a"], weights["b"]].map { try Linear($0, from: 32, to: 48) }
        let (scale, shift) = (try Generator(seed: 4).normal([2, 32]), try Generator(seed: 5).normal([2, 32]))
        let shared = LinearInput(normed: x, scale: scale, shift: shift, epsilon: 1e-6)
        for layer in layers {
            let own = LinearInput(normed: x, scale: scale, shift: shift, epsilon: 1e-6)
            #expect(try layer(shared).floats() == layer(own).floats())
            #expect(try layer(shared).floats() == layer(own.tokens()).floats())
        }
    }

    @Test(arguments: [nil] + QuantAlgorithm.allCases)
    func comesOfALayerBeforeIt(_ algorithm: QuantAlgorithm?) throws {
        let plan = ComputePlan(quantization: algorithm.map { QuantizationPlan($0) })
        let weights = Weights(RandomWeights(deviation: 0.2), ComputeContext(plan), for: .transformer)
        let layer = try Linear(weights["a"], from: 32, to: 48)
        let next = try Generator(seed: 6).normal([2, 3, 48])
        for epilogue in [LinearEpilogue.none, .activation(.geluTanh), .beside(other, .geluTanh), .gating(next, .silu)] {
            #expect(try layer.input(LinearInput(x), epilogue).tokens().floats() == layer(x, epilogue).floats())
        }
    }
}
