import Foundation
import Layers
import Models
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct AutoencoderKLLTX2AudioTests {
    private func vae() throws -> AutoencoderKLLTX2Audio {
        let folder = "\(Golden.folder)/checkpoints/ltx2-tiny/audio_vae"
        let weights = Weights(try CheckpointWeights(folder: folder))
        let vae = try AutoencoderKLLTX2Audio(weights, AutoencoderKLLTX2AudioConfig.read("\(folder)/config.json").0)
        try weights.requireAllRead()
        return vae
    }

    @Test(arguments: ["pair", "one"]) func decodesAsTheReference(_ name: String) throws {
        let golden = try Golden("ltx2/audio-vae")
        let found = try vae().decode(golden.tensor("decode.\(name).input").onDevice())
        #expect(
            try found.distance(to: golden.tensor("decode.\(name).output"))
                <= Floors("ltx2").limit("decode.\(name).output", of: "audio-vae"))
    }

    @Test(arguments: ["pair", "even"]) func encodesAsTheReference(_ name: String) throws {
        let golden = try Golden("ltx2/audio-vae")
        let (mean, logVariance) = try vae().encode(golden.tensor("encode.\(name).input").onDevice())
        #expect(
            try mean.distance(to: golden.tensor("encode.\(name).mean"))
                <= Floors("ltx2").limit("encode.\(name).mean", of: "audio-vae"))
        #expect(logVariance.shape == mean.shape)
    }

    @Test func decodesTheFirstFramesWhateverFollows() throws {
        let vae = try vae()
        let latents = try Generator(seed: 3).normal([1, vae.config.latentChannels, 6, vae.config.latentBins])
        let whole = try vae.decode(latents)
        #expect(whole.shape == [1, 2, 21, 8])
        let part = try vae.decode(latents.slice(0..<4, axis: 2))
        #expect(try part.distance(to: whole.slice(0..<13, axis: 2)) <= 1e-6)
    }

    @Test func undoesTheNormalisationBeforeItDecodes() throws {
        let vae = try vae()
        let latents = try Generator(seed: 7).normal([2, vae.config.latentChannels, 3, vae.config.latentBins])
        let tokens = try vae.config.tokens(of: latents)
        #expect(tokens.shape == [2, 3, 4])
        #expect(try vae.config.latents(of: tokens).distance(to: latents) == 0)
        #expect(try vae.decode(normalised: vae.normalised(tokens)).distance(to: vae.decode(latents)) <= 1e-5)
        #expect(try vae.normalised(tokens).distance(to: tokens) > 0.1)
    }

    @Test(arguments: [
        ("norm_type", "\"group\""), ("causality_axis", "\"width\""), ("attn_resolutions", "[8]"), ("ch_mult", "[]"),
        ("mid_block_add_attention", "true"), ("latent_channels", "3"), ("double_z", "false"),
    ])
    func refusesAConfigThatItCannotRun(_ key: String, _ value: String) throws {
        let copy = try TinyCheckpoint(copying: "ltx2-tiny")
        let json = try JSONSerialization.jsonObject(with: Data(value.utf8), options: .fragmentsAllowed)
        try copy.editJSON("audio_vae/config.json") { $0[key] = json }
        let error = try #require(throws: ConfigError.self) {
            _ = try AutoencoderKLLTX2AudioConfig.read("\(copy.path)/audio_vae/config.json")
        }
        #expect("\(error)".contains(key))
    }
}
