import Foundation
import Layers
import Models
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct LTX2VocoderTests {
    private func folder(_ version: String) -> String {
        "\(Golden.folder)/checkpoints/\(version == "2.0" ? "ltx2" : "ltx2.3")-tiny/vocoder"
    }

    /// The waves of a version's vocoder.
    private func waves(_ version: String, _ spectrogram: Tensor, _ dtype: DType = .float32) throws -> Tensor {
        let (folder, plan) = (folder(version), ComputePlan(dtype: dtype))
        let weights = Weights(try CheckpointWeights(folder: folder), plan: plan)
        defer { #expect(throws: Never.self) { try weights.requireAllRead() } }
        if version == "2.0" {
            return try LTX2Vocoder(weights, LTX2VocoderConfig.read("\(folder)/config.json").0)(spectrogram)
        }
        return try LTX2VocoderWithBWE(weights, LTX2VocoderWithBWEConfig.read("\(folder)/config.json").0)(spectrogram)
    }

    @Test(arguments: ["2.0", "2.3"]) func makesTheReferencesWaves(_ version: String) throws {
        let golden = try Golden("ltx2/vocoder-\(version)")
        let found = try waves(version, golden.tensor("input").onDevice())
        #expect(
            try found.distance(to: golden.tensor("output")) <= 5e-5)
    }

    /// The first network of the pair by itself.
    @Test func makesTheReferencesCoarseWaves() throws {
        let golden = try Golden("ltx2/vocoder-2.3")
        let folder = folder("2.3")
        let both = try LTX2VocoderWithBWEConfig.read("\(folder)/config.json").0
        let weights = Weights(try CheckpointWeights(folder: folder))
        let vocoder = try LTX2Vocoder(weights["vocoder"], both.vocoder)
        let found = try vocoder(golden.tensor("input").onDevice())
        #expect(try found.distance(to: golden.tensor("vocoder.conv_out")) <= 5e-5)
    }

    @Test(arguments: ["2.0", "2.3"]) func makesEachWaveAsIfAlone(_ version: String) throws {
        let spectrogram = try Generator(seed: 3).normal([2, 2, 4, 8])
        let both = try waves(version, spectrogram)
        for item in 0..<2 {
            let alone = try waves(version, spectrogram.slice(item..<item + 1, axis: 0))
            #expect(try both.slice(item..<item + 1, axis: 0).distance(to: alone) <= 1e-5)
        }
    }

    @Test(arguments: ["2.0", "2.3"]) func staysNearTheReferenceInSixteenBits(_ version: String) throws {
        let golden = try Golden("ltx2/vocoder-\(version)")
        let found = try waves(version, golden.tensor("input").onDevice(), .bfloat16)
        #expect(found.dtype == .bfloat16)
        #expect(try found.distance(to: golden.tensor("output")) <= 0.1)
    }

    @Test(arguments: [
        ("2.0", "act_fn", "\"snake\""), ("2.0", "upsample_factors", "[6, 5]"),
        ("2.0", "resnet_kernel_sizes", "[3, 7, 10]"),
        ("2.0", "hidden_channels", "31"), ("2.0", "antialias", "true"), ("2.0", "final_act_fn", "\"sine\""),
        ("2.3", "bwe_upsample_factors", "[6, 5, 2, 2, 4]"), ("2.3", "window_length", "64"),
        ("2.3", "bwe_in_channels", "8"),
        ("2.3", "output_sampling_rate", "44100"), ("2.3", "bwe_resnet_dilations", "[[1], [1]]"),
        ("2.3", "bwe_out_channels", "1"),
    ])
    func refusesAConfigThatItCannotRun(_ version: String, _ key: String, _ value: String) throws {
        let copy = try TinyCheckpoint(copying: version == "2.0" ? "ltx2-tiny" : "ltx2.3-tiny")
        let json = try JSONSerialization.jsonObject(with: Data(value.utf8), options: .fragmentsAllowed)
        try copy.editJSON("vocoder/config.json") { $0[key] = json }
        let path = "\(copy.path)/vocoder/config.json"
        let error = try #require(throws: ConfigError.self) {
            if version == "2.0" {
                _ = try LTX2VocoderConfig.read(path)
            } else {
                _ = try LTX2VocoderWithBWEConfig.read(path)
            }
        }
        #expect("\(error)".contains(key))
    }
}
