import Layers
import Tensors
import TestKit
import Testing

/// Which kernel computes an attention, by plan, site, step and mask.
@DeviceActor @Suite struct AttentionPlanTests {
    private func recipe(_ change: (inout AttentionQuantization) -> Void = { _ in }) -> AttentionPlan {
        var quantization = AttentionQuantization(.int8, keyBlock: 16)
        change(&quantization)
        return AttentionPlan(quantization: quantization)
    }

    /// What one call gives, and which kernels it ran.
    private func attend(
        _ plan: AttentionPlan?, _ role: AttentionSite.Role = .selfAttention, of component: ComponentRole = .transformer,
        name: [String] = ["blocks", "0", "attn1"], step: Int? = nil, of count: Int = 5, isMasked: Bool = false
    ) throws -> (numbers: [Float], kernels: [String: Int]) {
        let context = ComputeContext(ComputePlan(attention: plan))
        let view = name.reduce(Weights(RandomWeights(), context, for: component)) { $0[$1] }
        let attention = Attention(view, role, heads: 2, headWidth: 16)
        let (query, key) = (try Generator(seed: 1).normal([1, 9, 32]), try Generator(seed: 2).normal([1, 20, 32]))
        context.step = step.map { DenoisingStep(index: $0, of: count, timestep: 0, sigma: 0) }
        let mask = isMasked ? try Tensor.full(0, [1, 1, 1, 20]) : nil
        let numbers = try attention(query, key, key, mask: mask).floats()
        return (numbers, context.takeKernelCounts().attention)
    }

    @Test(arguments: AttentionQuantization.Codes.allCases)
    func quantisesSelfAndJointAttention(_ codes: AttentionQuantization.Codes) throws {
        let plan = AttentionPlan(quantization: AttentionQuantization(codes))
        let name = codes == .unrounded ? "qk16pv8" : "sage-\(codes)"
        let exact = try attend(nil)
        #expect(exact.kernels == ["tiled": 1])
        for role in [AttentionSite.Role.selfAttention, .joint] {
            let found = try attend(plan, role)
            #expect(found.kernels == [name: 1])
            #expect(found.numbers != exact.numbers)
        }
        let cross = try attend(plan, .cross)
        #expect(cross.kernels == ["tiled": 1] && cross.numbers == exact.numbers)
    }

    @Test func leavesOtherComponentsExact() throws {
        let exact = try attend(nil).numbers
        for role in [ComponentRole.textEncoder, .imageEncoder, .vae] {
            let found = try attend(recipe(), of: role)
            #expect(found.numbers == exact && found.kernels.isEmpty)
        }
    }

    @Test func leavesStepsExact() throws {
        let plan = recipe { ($0.firstExactSteps, $0.lastExactSteps) = (1, 2) }
        let exact = try attend(nil).numbers
        for step in 0..<5 {
            let found = try attend(plan, step: step)
            let isExact = step < 1 || step >= 3
            #expect(found.kernels == [isExact ? "tiled" : "sage-int8": 1])
            #expect((found.numbers == exact) == isExact)
        }
        #expect(try attend(plan).kernels == ["sage-int8": 1])
        let all = recipe { $0.firstExactSteps = .max }
        #expect(try attend(all, step: 4).numbers == exact)
    }

    @Test func leavesLayersExact() throws {
        let plan = recipe { $0.exactLayers = ["blocks.0.*", "blocks.1[0-9].attn1"] }
        for (block, isExact) in [("0", true), ("1", false), ("10", true), ("20", false)] {
            let found = try attend(plan, name: ["blocks", block, "attn1"])
            #expect(found.kernels == [isExact ? "tiled" : "sage-int8": 1])
        }
    }

    @Test func computesCallsWithAMaskExactly() throws {
        let found = try attend(recipe(), isMasked: true)
        #expect(try found.numbers == attend(nil, isMasked: true).numbers)
        #expect(found.kernels == ["tiled": 1])
    }

    @Test(arguments: [(AttentionBackend.tiled, "tiled"), (.hopper, "sdpa"), (.sdpa, "sdpa"), (.parts, "tiled")])
    func tellsTheExactKernelThatRan(_ backend: AttentionBackend, _ name: String) throws {
        #expect(try attend(AttentionPlan(backend)).kernels == [name: 1])
        let quantised = AttentionPlan(backend, quantization: AttentionQuantization(.fp8))
        #expect(try attend(quantised, isMasked: true).kernels == [name: 1])
    }

    @Test func countsAnew() throws {
        let context = ComputeContext(ComputePlan())
        let attention = Attention(
            Weights(RandomWeights(), context, for: .transformer), .selfAttention, heads: 2, headWidth: 4)
        let x = try Generator(seed: 1).normal([1, 3, 8])
        for _ in 0..<3 { _ = try attention(x, x, x) }
        #expect(context.takeKernelCounts().attention == ["tiled": 3])
        #expect(context.takeKernelCounts() == KernelCounts())
    }
}
