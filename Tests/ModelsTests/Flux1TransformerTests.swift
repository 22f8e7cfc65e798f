import Diffusion
import Layers
import Models
import Tensors
import TestKit
import Testing

@DeviceActor @Suite(.serialized) struct Flux1TransformerTests {
    nonisolated static let variants = ["dev", "schnell"]

    /// The golden's inputs, of one sample: a batch of ours has one timestep.
    private func input(_ golden: Golden, _ sample: Int, _ config: Flux1.TransformerConfig) throws
        -> Flux1.Transformer.Input
    {
        func one(_ name: String) throws -> Tensor {
            try golden.tensor("transformer.\(name)").onDevice().slice(sample..<sample + 1, axis: 0)
        }
        let guidance =
            try golden.contains("transformer.guidance")
            ? golden.tensor("transformer.guidance").floats[sample] : nil
        return Flux1.Transformer.Input(
            latents: try one("hidden_states"), prompt: try one("encoder_hidden_states"),
            pooledPrompt: try one("pooled_projections"),
            timestep: try golden.tensor("transformer.timestep").floats[sample] * 1000, guidance: guidance,
            rotary: try rotary(golden, config))
    }

    private func rotary(_ golden: Golden, _ config: Flux1.TransformerConfig) throws -> RotaryEmbedding {
        let positions = try ["txt_ids", "img_ids"].flatMap { name in
            try golden.tensor("transformer.\(name)").rows.map { $0.map(Double.init) }
        }
        return try RotaryEmbedding(positions: positions, widths: config.axesDimsRope, base: 10000, on: .cpu)
    }

    @Test(arguments: variants) func turnsByTheReferencesAngles(_ variant: String) throws {
        let golden = try Golden("flux1/components-\(variant)")
        let config: Flux1.TransformerConfig = try TinyModel("flux1-tiny-\(variant)").config("transformer")
        let tables = try rotary(golden, config)
        for (table, name) in [(tables.cosine, "transformer.rotary.cos"), (tables.sine, "transformer.rotary.sin")] {
            // The reference has every angle twice, once for each number of its pair.
            let doubled = try table.repeated(2, axis: 1)
            let distance = try doubled.distance(to: golden.tensor(name))
            #expect(distance <= 1e-6)
        }
    }

    /// What the timesteps bring is made for many steps at once, more than once if there are many.
    @Test(arguments: variants) func isTheSameWithTimestepsKnownAhead(_ variant: String) throws {
        let golden = try Golden("flux1/components-\(variant)")
        let transformer = try TinyModel("flux1-tiny-\(variant)").transformer()
        var (input, other) = try (input(golden, 0, transformer.config), input(golden, 1, transformer.config))
        input.latents = try concatenate([input.latents, other.latents], axis: 0)
        input.prompt = try concatenate([input.prompt, other.prompt], axis: 0)
        input.pooledPrompt = try concatenate([input.pooledPrompt, other.pooledPrompt], axis: 0)
        let timesteps = (0..<40).map { 1000 - 25 * Float($0) }
        var ahead = input
        ahead.modulations = Flux1.Transformer.Modulations(of: timesteps, atOnce: 32)
        for timestep in [timesteps[0], timesteps[31], timesteps[32], timesteps[39], 123, timesteps[3]] {
            (input.timestep, ahead.timestep, other.timestep) = (timestep, timestep, timestep)
            let found = try transformer(ahead)
            #expect(try found.distance(to: transformer(input)) <= 1e-5)
            other.guidance = input.guidance
            #expect(try found.slice(1..<2, axis: 0).distance(to: transformer(other)) <= 1e-5)
        }
        ahead.timestep = timesteps[39]
        #expect(try transformer(ahead).distance(to: transformer(input)) > 1e-3)
    }

    @Test(arguments: variants, [0, 1]) func agreesWithTheReferenceBlockByBlock(_ variant: String, _ sample: Int) throws
    {
        let golden = try Golden("flux1/components-\(variant)")
        let floors = try Floors()
        let transformer = try TinyModel("flux1-tiny-\(variant)").transformer()
        func expect(_ found: Tensor, _ name: String, _ change: (Tensor) throws -> Tensor = { $0 }) throws {
            let reference = try golden.tensor("transformer.\(name)").onDevice().slice(sample..<sample + 1, axis: 0)
            let distance = try found.distance(to: change(reference), name)
            #expect(distance <= floors.limit("transformer.\(name)", of: "components-\(variant)"))
        }
        func expectStreams(_ state: Flux1.Transformer.State, _ text: String, _ image: String) throws {
            let split = try golden.tensor("transformer.txt_ids").shape[0]
            switch state.streams.tokens {
            case .double(let texts, let images):
                try expect(texts, text)
                try expect(images, image)
            case .single(let joint):
                try expect(joint.slice(0..<split, axis: 1), text)
                try expect(joint.slice(split..<joint.size(1), axis: 1), image)
            case .image(let images):
                try expect(images, image)
            }
        }
        var state = try transformer.begin(input(golden, sample, transformer.config))
        try expectStreams(state, "context_embedder", "x_embedder")
        try expect(state.conditioning, "time_text_embed") { try silu($0) }
        for index in 0..<transformer.blockCount {
            try transformer.block(index, &state)
            let double = transformer.config.numLayers
            let name =
                index < double
                ? "transformer_blocks.\(index)" : "single_transformer_blocks.\(index - double)"
            try expectStreams(state, "\(name).encoder_hidden_states", "\(name).hidden_states")
        }
        try expect(transformer.finish(state)[0], "output")
    }

    /// An input of some batch, drawn.
    private func drawn(_ config: Flux1.TransformerConfig, batch: Int, text: Int = 5) throws -> Flux1.Transformer.Input {
        let generator = try Generator(seed: 11)
        let positions =
            [[Double]](repeating: [0, 0, 0], count: text) + (0..<6).map { [0, Double($0 / 3), Double($0 % 3)] }
        return Flux1.Transformer.Input(
            latents: try generator.normal([batch, 6, config.inChannels]),
            prompt: try generator.normal([batch, text, config.jointAttentionDim]),
            pooledPrompt: try generator.normal([batch, config.pooledProjectionDim]), timestep: 700, guidance: 3.5,
            rotary: try RotaryEmbedding(positions: positions, widths: config.axesDimsRope, base: 10000, on: .cpu))
    }

    @Test func isTheIdentityBetweenBeginAndFinishWhenItsGatesAreZero() throws {
        let copy = try TinyCheckpoint()
        try copy.rewriteTensors(of: "transformer") { tensors in
            tensors = tensors.map { tensor in
                let isGate = ["norm1.linear", "norm1_context.linear", ".norm.linear"].contains {
                    tensor.name.contains($0)
                }
                return isGate
                    ? .init(
                        name: tensor.name, dtype: tensor.dtype, shape: tensor.shape,
                        bytes: .init(repeating: 0, count: tensor.bytes.count)) : tensor
            }
        }
        let transformer = try TinyModel(copy).transformer()
        let input = try drawn(transformer.config, batch: 2)
        let begun = try transformer.begin(input)
        var state = begun
        for index in 0..<transformer.blockCount { try transformer.block(index, &state) }
        #expect(try transformer.finish(state)[0].distance(to: transformer.finish(begun)[0]) == 0)
    }

    @Test(arguments: TinyCheckpoint.models) func permutesItsResultWithTheBatch(_ model: String) throws {
        let transformer = try TinyModel(model).transformer()
        let input = try drawn(transformer.config, batch: 3)
        let order = try Tensor([2, 0, 1] as [Int32], shape: [3])
        var permuted = input
        permuted.latents = try input.latents.gathered(order, axis: 0)
        permuted.prompt = try input.prompt.gathered(order, axis: 0)
        permuted.pooledPrompt = try input.pooledPrompt.gathered(order, axis: 0)
        let distance = try transformer(permuted).distance(to: transformer(input).gathered(order, axis: 0))
        #expect(distance <= 1e-5)
    }

    @Test(arguments: TinyCheckpoint.models) func givesAnItemTheSameResultWhateverTheRestOfTheBatch(_ model: String)
        throws
    {
        let transformer = try TinyModel(model).transformer()
        let input = try drawn(transformer.config, batch: 3)
        let whole = try transformer(input)
        for item in 0..<3 {
            var alone = input
            alone.latents = try input.latents.slice(item..<item + 1, axis: 0)
            alone.prompt = try input.prompt.slice(item..<item + 1, axis: 0)
            alone.pooledPrompt = try input.pooledPrompt.slice(item..<item + 1, axis: 0)
            let distance = try transformer(alone).distance(to: whole.slice(item..<item + 1, axis: 0))
            #expect(distance <= 1e-5)
        }
    }

    /// Text has no positions, so its order means nothing to the image.
    @Test func doesNotSeeTheOrderOfTheText() throws {
        let transformer = try TinyModel().transformer()
        let input = try drawn(transformer.config, batch: 1)
        var permuted = input
        permuted.prompt = try input.prompt.gathered(Tensor([4, 1, 0, 3, 2] as [Int32], shape: [5]), axis: 1)
        #expect(try transformer(permuted).distance(to: transformer(input)) <= 1e-5)
    }

    @Test func seesWhereTheImagesTokensLie() throws {
        let transformer = try TinyModel().transformer()
        let input = try drawn(transformer.config, batch: 1)
        let order = try Tensor([5, 1, 2, 3, 4, 0] as [Int32], shape: [6])
        var permuted = input
        permuted.latents = try input.latents.gathered(order, axis: 1)
        #expect(try transformer(permuted).distance(to: transformer(input).gathered(order, axis: 1)) > 1e-2)
    }

    @Test func takesGuidanceOnlyWhereItIsEmbedded() throws {
        for (model, matters) in [("flux1-tiny-dev", true), ("flux1-tiny-schnell", false)] {
            let transformer = try TinyModel(model).transformer()
            var input = try drawn(transformer.config, batch: 1)
            let before = try transformer(input)
            input.guidance = 7
            let distance = try transformer(input).distance(to: before)
            #expect(matters ? distance > 1e-3 : distance == 0)
        }
    }
}
