import Layers
import Tensors
import TestKit
import Testing

/// The CPU stands for a device here: numbers are copied between two places of its memory.
@DeviceActor @Suite struct OffloadedWeightsTests {
    /// Some layers, one of them of no block.
    private struct Model {
        let first: Linear
        let blocks: BlockStore<Linear>

        init(_ weights: Weights) throws {
            first = try Linear(weights["first"], from: 16, to: 16)
            blocks = try BlockStore(6, of: weights) { try Linear(weights["blocks"][$0], from: 16, to: 16) }
        }

        func callAsFunction(_ x: Tensor) throws -> [Float] {
            var x = try first(x)
            for index in 0..<blocks.count { x = try blocks[index](x) }
            return try x.floats()
        }
    }

    /// Weight and bias, each of whole 512 bytes.
    private static let layer = 1024 + 512
    private let x: Tensor

    init() throws { x = try Generator(seed: 3).normal([2, 16]) }

    private func model(_ offload: OffloadedWeights?) throws -> Model {
        let context = ComputeContext(ComputePlan())
        context.offload = offload
        defer { #expect(context.offload == nil) }
        return try context.making { try Model(Weights(RandomWeights(deviation: 0.3), context)) }
    }

    @Test(arguments: [0, 1, 2, 3, 4, 7]) func computesTheSameBits(_ layers: Int) throws {
        let expected = try model(nil)(x)
        let weights = try OffloadedWeights(OffloadPlan())
        let model = try model(weights)
        #expect(weights.bytes == 7 * Self.layer)
        #expect(!weights.isOnDevice)
        try weights.enter(leaving: layers * Self.layer)
        for _ in 0..<3 { #expect(try model(x) == expected) }
        try weights.leave()
        #expect(!weights.isOnDevice)
        try weights.enter(leaving: 0)
        #expect(try model(x) == expected)
    }

    @Test func takesItsRoomAsSoonAsItIsRead() throws {
        let expected = try model(nil)(x)
        let weights = try OffloadedWeights(OffloadPlan(), room: 4 * Self.layer)
        let model = try model(weights)
        #expect(weights.isOnDevice)
        #expect(try model(x) == expected)
    }

    @Test func handsOutNoBlockWithoutRoom() throws {
        let weights = try OffloadedWeights(OffloadPlan())
        let model = try model(weights)
        #expect(throws: TensorError.self) { _ = try model.blocks[0] }
        try weights.enter(leaving: 0)
        _ = try model.blocks[0]
        try weights.leave()
        #expect(throws: TensorError.self) { _ = try model.blocks[0] }
    }

    /// What is made besides, before and after, stays where it is.
    @Test func takesUpNothingElse() throws {
        let before = try x + x
        let weights = try OffloadedWeights(OffloadPlan())
        let model = try model(weights)
        let after = try x + x
        try weights.enter(leaving: 0)
        _ = try model(x)
        try weights.leave()
        #expect(try before.floats() == after.floats())
    }

    @Test func knowsWhichWeightsAreOfWhichBlock() throws {
        let listing = WeightListing()
        _ = try Model(Weights(listing, ComputeContext(ComputePlan())))
        #expect(listing.blocks == (0..<6).map { 2 * $0 + 2..<2 * $0 + 4 })
    }
}
