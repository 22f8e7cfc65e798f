import Layers
import Models
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct AutoencoderKLTests {
    @Test(arguments: ["dev", "schnell"]) func agreesWithTheReference(_ variant: String) throws {
        let golden = try Golden("flux1/components-\(variant)")
        let vae = try TinyModel("flux1-tiny-\(variant)").vae()
        let (mean, logVariance) = try vae.encode(golden.tensor("vae.encode.input").onDevice())
        #expect(try mean.distance(to: golden.tensor("vae.encode.mean")) <= 1e-5)
        #expect(try logVariance.distance(to: golden.tensor("vae.encode.logvar")) <= 1e-5)
        let decoded = try vae.decode(golden.tensor("vae.decode.input").onDevice())
        #expect(try decoded.distance(to: golden.tensor("vae.decode.output")) <= 1e-5)
    }

    @Test(arguments: TinyCheckpoint.models) func undoesScaleAndShiftBeforeItDecodes(_ model: String) throws {
        let vae = try TinyModel(model).vae()
        let latents = try Generator(seed: 5).normal([1, vae.config.latentChannels, 4, 4])
        let scaled = try (latents - (vae.config.shiftFactor ?? 0)) * vae.config.scalingFactor
        #expect(try vae.decode(scaled: scaled).distance(to: vae.decode(latents)) <= 1e-5)
    }

    @Test(arguments: TinyCheckpoint.models) func decodesEachImageAsIfAlone(_ model: String) throws {
        let vae = try TinyModel(model).vae()
        let latents = try Generator(seed: 5).normal([3, vae.config.latentChannels, 4, 6])
        let images = try vae.decode(latents)
        let factor = vae.config.scaleFactor
        #expect(images.shape == [3, 3, 4 * factor, 6 * factor])
        for item in 0..<3 {
            let alone = try vae.decode(latents.slice(item..<item + 1, axis: 0))
            #expect(try images.slice(item..<item + 1, axis: 0).distance(to: alone) <= 1e-5)
        }
    }

    @Test(arguments: TinyCheckpoint.models) func encodesEachImageAsIfAlone(_ model: String) throws {
        let vae = try TinyModel(model).vae()
        let factor = vae.config.scaleFactor
        let pixels = try Generator(seed: 6).normal([2, 3, 4 * factor, 2 * factor])
        let both = try vae.encode(pixels)
        #expect(both.mean.shape == [2, vae.config.latentChannels, 4, 2])
        for item in 0..<2 {
            let alone = try vae.encode(pixels.slice(item..<item + 1, axis: 0))
            #expect(try both.mean.slice(item..<item + 1, axis: 0).distance(to: alone.mean) <= 1e-5)
            #expect(try both.logVariance.slice(item..<item + 1, axis: 0).distance(to: alone.logVariance) <= 1e-5)
        }
    }

    @Test func keepsTheVarianceWithinItsRange() throws {
        let vae = try TinyModel().vae()
        let (_, logVariance) = try vae.encode(Generator(seed: 6).normal([1, 3, 16, 16]) * 1e6)
        #expect(try logVariance.floats().allSatisfy { (-30...20).contains($0) })
    }

    @Test func readsTheConvolutionsOfOlderCheckpoints() throws {
        for (key, channels) in [("use_quant_conv", 8), ("use_post_quant_conv", 4)] {
            let copy = try TinyCheckpoint()
            try copy.editJSON("vae/config.json") { $0[key] = true }
            let name = String(key.dropFirst(4))
            let error = try #require(throws: WeightError.self) { _ = try TinyModel(copy).vae() }
            #expect("\(error)".contains("\(name).weight"))
            try copy.rewriteTensors(of: "vae") { tensors in
                let identity = (0..<channels * channels).map { $0 / channels == $0 % channels ? Float(1) : 0 }
                tensors.append(.init(name: "\(name).weight", shape: [channels, channels, 1, 1], floats: identity))
                tensors.append(
                    .init(name: "\(name).bias", shape: [channels], floats: .init(repeating: 0, count: channels)))
            }
            let latents = try Generator(seed: 5).normal([1, 4, 4, 4])
            #expect(try TinyModel(copy).vae().decode(latents).distance(to: TinyModel().vae().decode(latents)) <= 1e-6)
        }
    }
}
