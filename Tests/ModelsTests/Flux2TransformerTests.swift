import Diffusion
import Layers
import Models
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct Flux2TransformerTests {
    nonisolated static let variants = ["dev", "klein"]

    private func transformer(_ variant: String) throws -> Flux2.Transformer {
        try TinyModel("flux2-tiny-\(variant)").module("transformer", Flux2.Transformer.init)
    }

    /// The golden's inputs, of one sample: a batch of ours has one timestep.
    private func input(_ golden: Golden, _ sample: Int, _ config: Flux2.TransformerConfig) throws
        -> Flux2.Transformer.Input
    {
        func one(_ name: String) throws -> Tensor {
            try golden.tensor("transformer.\(name)").onDevice().slice(sample..<sample + 1, axis: 0)
        }
        let guidance =
            try golden.contains("transformer.guidance")
            ? golden.tensor("transformer.guidance").floats[sample] : nil
        return Flux2.Transformer.Input(
            latents: try one("hidden_states"), prompt: try one("encoder_hidden_states"),
            timestep: try golden.tensor("transformer.timestep").floats[sample] * 1000, guidance: guidance,
            rotary: try rotary(golden, ["txt_ids", "img_ids"], config))
    }

    private func rotary(_ golden: Golden, _ names: [String], _ config: Flux2.TransformerConfig) throws
        -> RotaryEmbedding
    {
        let positions = try names.flatMap { name in
            try golden.tensor("transformer.\(name)").rows.map { $0.map(Double.init) }
        }
        return try RotaryEmbedding(
            positions: positions, widths: config.axesDimsRope, base: config.ropeTheta, on: .cpu)
    }

    @Test(arguments: variants, [0, 1]) func agreesWithTheReferenceBlockByBlock(_ variant: String, _ sample: Int) throws
    {
        let golden = try Golden("flux2/components-\(variant)")
        let floors = try Floors("flux2")
        let transformer = try transformer(variant)
        func expect(_ found: Tensor, _ name: String, _ change: (Tensor) throws -> Tensor = { $0 }) throws {
            let reference = try golden.tensor("transformer.\(name)").onDevice().slice(sample..<sample + 1, axis: 0)
            let distance = try found.distance(to: change(reference), name)
            #expect(distance <= floors.limit("transformer.\(name)", of: "components-\(variant)"))
        }
        var state = try transformer.begin(input(golden, sample, transformer.config))
        try expect(state.conditioning, "time_guidance_embed") { try silu($0) }
        for index in 0..<transformer.blockCount {
            try transformer.block(index, &state)
            let double = transformer.config.numLayers
            let name = index < double ? "transformer_blocks.\(index)" : "single_transformer_blocks.\(index - double)"
            switch state.streams.tokens {
            case .double(let text, let image):
                try expect(text, "\(name).encoder_hidden_states")
                try expect(image, "\(name).hidden_states")
            case .single(let joint): try expect(joint, name)
            case .image(let image): try expect(image, name) { try $0.slice(7..<22, axis: 1) }
            }
        }
        try expect(transformer.finish(state)[0], "output")
    }

    /// The reference predicts the references' tokens too; the pipeline leaves them out.
    @Test(arguments: variants) func seesReferenceImages(_ variant: String) throws {
        let golden = try Golden("flux2/components-\(variant)")
        let transformer = try transformer(variant)
        var input = try input(golden, 0, transformer.config)
        let tokens = try golden.tensor("transformer.references.hidden_states").onDevice()
        let count = input.latents.size(1)
        input.latents = try tokens.slice(0..<count, axis: 1)
        input.references = try tokens.slice(count..<tokens.size(1), axis: 1)
        input.rotary = try rotary(golden, ["txt_ids", "references.img_ids"], transformer.config)
        let expected = try golden.tensor("transformer.references.output").onDevice().slice(0..<count, axis: 1)
        for input in [input, try transformer.prepared(input)] {
            let distance = try BlockRunner(transformer).predict(input)[0].distance(to: expected)
            #expect(distance <= 5e-5)
        }
    }

    @Test(arguments: variants) func turnsByTheReferencesAngles(_ variant: String) throws {
        let golden = try Golden("flux2/components-\(variant)")
        let config: Flux2.TransformerConfig = try TinyModel("flux2-tiny-\(variant)").config("transformer")
        let tables = try config.rotary(
            textTokens: 7, [[1, 3, 5], [1, 2, 3], [1, 4, 2]].map { PatchGrid($0, patch: [1, 1, 1]) }, on: .cpu)
        for (table, name) in [(tables.cosine, "cos"), (tables.sine, "sin")] {
            // The reference has every angle twice, once for each number of its pair.
            let doubled = try table.reshaped(table.size(0), table.size(1), 1).repeated(2, axis: 2)
                .reshaped(table.size(0), 2 * table.size(1))
            let expected = try concatenate(
                ["text", "image", "reference"].map {
                    try golden.tensor("transformer.rotary.\($0).\(name)").onDevice()
                }, axis: 0)
            #expect(try doubled.distance(to: expected) <= 1e-6)
        }
    }
}

@DeviceActor @Suite struct AutoencoderKLFlux2Tests {
    private func vae(_ variant: String) throws -> AutoencoderKLFlux2 {
        try TinyModel("flux2-tiny-\(variant)").module("vae", AutoencoderKLFlux2.init)
    }

    @Test(arguments: Flux2TransformerTests.variants) func decodesAsTheReference(_ variant: String) throws {
        let golden = try Golden("flux2/components-\(variant)")
        let decoded = try vae(variant).decode(golden.tensor("vae.decode.input").onDevice())
        #expect(try decoded.distance(to: golden.tensor("vae.decode.output")) <= 1e-5)
    }

    @Test(arguments: Flux2TransformerTests.variants) func makesTheReferencesTokensOfAnImage(_ variant: String) throws {
        let golden = try Golden("flux2/components-\(variant)")
        let (vae, pixels) = (try vae(variant), try golden.tensor("image.pixels").onDevice())
        let scale = vae.config.scaleFactor
        let grid = PatchGrid([1, pixels.size(2) / scale, pixels.size(3) / scale], patch: [1, 2, 2])
        let tokens = try vae.tokens(of: pixels, grid)
        #expect(try tokens.distance(to: golden.tensor("image.tokens")) <= 5e-5)
        // And back.
        let mean = try golden.tensor("image.mean").onDevice()
        #expect(try vae.latents(tokens, grid).distance(to: mean) <= 5e-5)
    }
}
