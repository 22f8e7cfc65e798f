import Foundation
import Layers
import Models
import Tensors
import TestKit
import Testing

@DeviceActor @Suite(.serialized) struct QuantisedMemorySerialTests {
    private func residentBytes() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
        return try #require(Int(line.split(separator: " ").dropFirst().first ?? "")) * 1024
    }

    /// FLUX.1's real width, with few blocks: more of them only make the share smaller.
    @Test(
        .enabled(if: ProcessInfo.processInfo.environment["VISUALGEN_TEST_ALL"] != nil),
        arguments: [(QuantAlgorithm.fp8Rows, 0.55), (.fp8, 0.55), (.nvfp4, 0.32)])
    func takesItsShareOfTheMemory(_ algorithm: QuantAlgorithm, _ share: Double) throws {
        var config = Flux1.TransformerConfig()
        (config.numLayers, config.numSingleLayers, config.guidanceEmbeds) = (1, 2, true)
        let listing = WeightListing()
        _ = try Flux1.Transformer(Weights(listing), config)
        let whole = listing.entries.map { $0.shape.reduce(2, *) }.reduce(0, +)
        let plan = ComputePlan(dtype: .bfloat16, quantization: QuantizationPlan(algorithm))
        func load() throws -> Flux1.Transformer { try Flux1.Transformer(Weights(RandomWeights(), plan: plan), config) }
        let before = try residentBytes()
        let transformer = try load()
        let taken = try residentBytes() - before
        #expect(Double(taken) <= share * Double(whole))
        #expect(transformer.blockCount == 3)
    }
}
