import Foundation
import Layers
import Models
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct LTX2LatentUpsamplerTests {
    private func upsampler(_ version: String) throws -> LTX2LatentUpsampler {
        try upsampler(at: "\(version == "2.0" ? "ltx2" : "ltx2.3")-tiny-upsampler/latent_upsampler")
    }

    private func upsampler(at path: String) throws -> LTX2LatentUpsampler {
        let folder = "\(Golden.folder)/checkpoints/\(path)"
        let weights = Weights(try CheckpointWeights(folder: folder))
        let upsampler = try LTX2LatentUpsampler(weights, LTX2LatentUpsamplerConfig.read("\(folder)/config.json").0)
        try weights.requireAllRead()
        return upsampler
    }

    @Test(arguments: ["2.0", "2.3"]) func upsamplesAsTheReference(_ version: String) throws {
        let golden = try Golden("ltx2/upsampler-\(version)")
        let found = try upsampler(version)(golden.tensor("input").onDevice())
        #expect(try found.distance(to: golden.tensor("output")) <= 5e-5)
    }

    @Test(arguments: ["upsampler-1.5", "upsampler-temporal"]) func upsamplesByOtherSteps(_ name: String) throws {
        let golden = try Golden("ltx2/variants")
        let found = try upsampler(at: "ltx2-variants/\(name)")(golden.tensor("\(name).input").onDevice())
        #expect(try found.distance(to: golden.tensor("\(name).output")) <= 5e-5)
    }

    @Test(arguments: ["2.0", "2.3"]) func movesMomentsAndTonesAsTheReference(_ version: String) throws {
        let golden = try Golden("ltx2/upsampler-\(version)")
        let (latents, reference) = try (golden.tensor("output").onDevice(), golden.tensor("input").onDevice())
        let moved = try LTX2LatentUpsampler.adain(latents, to: reference, factor: 0.6)
        #expect(try moved.distance(to: golden.tensor("adain")) <= 5e-5)
        let mapped = try LTX2LatentUpsampler.toneMapped(latents, compression: 0.5)
        #expect(try mapped.distance(to: golden.tensor("tone_mapped")) <= 5e-5)
    }

    /// Of every kind of step: the size of what comes of it, and that it depends on the input's order.
    @Test(arguments: [
        (0.75, true, false, [3, 3, 5]), (1.5, true, false, [3, 6, 9]), (2, true, false, [3, 8, 12]),
        (4, true, false, [3, 16, 24]), (2, true, true, [5, 8, 12]), (2, false, true, [5, 4, 6]),
    ])
    func makesTheSizeThatTheConfigForesays(_ scale: Double, _ inSpace: Bool, _ inTime: Bool, _ size: [Int]) throws {
        var config = LTX2LatentUpsamplerConfig()
        (config.inChannels, config.midChannels, config.numBlocksPerStage) = (4, 32, 1)
        (config.rationalSpatialScale, config.spatialUpsample, config.temporalUpsample) = (scale, inSpace, inTime)
        try config.validate()
        let upsampler = try LTX2LatentUpsampler(Weights(RandomWeights(deviation: 0.1)), config)
        let found = try upsampler(Generator(seed: 4).normal([1, 4, 3, 4, 6]))
        #expect(found.shape == [1, 4] + size)
        #expect(config.enlarged([3, 4, 6]) == size)
        #expect(try found.isFinite())
    }

    @Test(arguments: [
        ("mid_channels", "40"), ("dims", "2"), ("rational_spatial_scale", "3"), ("spatial_upsample", "false"),
    ])
    func refusesAConfigThatItCannotRun(_ key: String, _ value: String) throws {
        let copy = try TinyCheckpoint(copying: "ltx2-tiny-upsampler")
        let json = try JSONSerialization.jsonObject(with: Data(value.utf8), options: .fragmentsAllowed)
        try copy.editJSON("latent_upsampler/config.json") { $0[key] = json }
        let error = try #require(throws: ConfigError.self) {
            _ = try LTX2LatentUpsamplerConfig.read("\(copy.path)/latent_upsampler/config.json")
        }
        #expect("\(error)".contains(key))
    }
}
