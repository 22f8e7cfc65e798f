import Layers
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct LinearKernelTests {
    private let x: Tensor
    private let other: Tensor

    init() throws {
        x = try Generator(seed: 1).normal([2, 3, 32])
        other = try Generator(seed: 2).normal([2, 3, 48])
    }

    private func layer(_ dtype: DType) throws -> Linear {
        try Linear(Weights(RandomWeights(deviation: 0.2), plan: ComputePlan(dtype: dtype))["a"], from: 32, to: 48)
    }

    @Test(arguments: [DType.float32, .bfloat16], [Activation.geluTanh, .silu, .gelu])
    func appliesWhatFollowsTheProduct(_ dtype: DType, _ activation: Activation) throws {
        let layer = try layer(dtype)
        let (x, other) = (try x.to(dtype), try other.to(dtype))
        let plain = try layer(x)
        #expect(plain.shape == [2, 3, 48])
        let activated = try activation(plain.to(.float32))
        let bound = dtype == .float32 ? 1e-6 : 0.02
        #expect(try layer(x, .activation(activation)).distance(to: activated) <= bound)
        #expect(try layer(x, .gating(other, activation)).distance(to: activated * other.to(.float32)) <= 3 * bound)
        let beside = try layer(x, .beside(other, activation))
        #expect(try beside.slice(0..<48, axis: 2).distance(to: other) == 0)
        #expect(try beside.slice(48..<96, axis: 2).distance(to: activated) <= bound)
    }

    @Test func computesIn32BitsFromAWeightOf16() throws {
        let weights = Weights(RandomWeights(), plan: ComputePlan(dtype: .bfloat16))
        let wide = try Linear(widening: weights["a"], from: 32, to: 48)(x)
        #expect(wide.dtype == .float32)
        let stored = Weights(RandomWeights(), plan: ComputePlan(dtype: .bfloat16))["a"]
        let (weight, bias) = (try stored.tensor("weight", 48, 32), try stored.tensor("bias", 48))
        let expected = try linear(x, weight: weight.to(.float32), bias: bias.to(.float32))
        #expect(try wide.floats() == expected.floats())
    }

    @Test func readsPatchesInTheOrderOfTheWeight() throws {
        let weights = try TinyWeights(["p.weight": [2, 3, 1, 2, 2], "p.bias": [2]]).view()
        let layer = try Linear(weights["p"], patch: [3, 1, 2, 2], to: 2)
        let ones = try layer(Tensor.full(1, [1, 12])).floats()
        #expect(ones == [78 + 1, 222 + 2])
        try weights.requireAllRead()
        let error = try #require(throws: WeightError.self) { _ = try Linear(weights["p"], from: 12, to: 2) }
        #expect("\(error)".contains("p.weight has shape [2, 3, 1, 2, 2], the config asks for [2, 12]"))
    }

    @Test func namesEachLayerAndItsCut() throws {
        let listing = WeightListing()
        let view = Weights(listing, ComputeContext(ComputePlan()), for: .transformer)["blocks"][3]
        _ = try Linear(view["up"], from: 4, to: 8, bias: false, cut: .output(segments: [4, 4]))
        _ = try Linear(view["down"], from: 8, to: 4, cut: .input())
        #expect(listing.linears.map(\.name) == ["blocks.3.up", "blocks.3.down"])
        #expect(listing.linears.map(\.cut) == [.output(segments: [4, 4]), .input()])
        #expect(listing.linears.map(\.from) == [4, 8])
        #expect(listing.linears.map(\.to) == [8, 4])
        #expect(listing.entries.map(\.key) == ["blocks.3.up.weight", "blocks.3.down.weight", "blocks.3.down.bias"])
    }
}
