import Diffusion
import Layers
import Models
import Tensors
import TestKit
import Testing

@DeviceActor @Suite(.serialized) struct Cosmos3TransformerTests {
    nonisolated static let cases = [
        ("cosmos3-tiny", "image"), ("cosmos3-tiny", "video"), ("cosmos3-tiny", "held"), ("cosmos3-tiny", "sound"),
        ("cosmos3-tiny-super", "image"), ("cosmos3-tiny-super", "held"),
    ]

    private func transformer(_ model: String, _ plan: ComputePlan = ComputePlan()) throws -> Cosmos3.Transformer {
        try TinyModel(model).module("transformer", plan: plan, Cosmos3.Transformer.init)
    }

    /// The golden's input of a case.
    private func input(_ golden: Golden, _ name: String) throws -> Cosmos3.Transformer.Input {
        func tensor(_ part: String) throws -> GoldenTensor { try golden.tensor("\(name).\(part)") }
        let ids = try tensor("input_ids").doubles.map { Int32($0) }
        let sound = golden.contains("\(name).sound") ? try tensor("sound").onDevice().unsqueezed(0) : nil
        var input = try Cosmos3.Transformer.Input(
            video: tensor("latents").onDevice(), sound: sound, prompts: [Cosmos3.Prompt(ids)],
            rate: tensor("fps").doubles[0], timestep: Float(tensor("timestep").doubles[0]))
        input.heldFrames = try tensor("held").doubles.count { $0 == 1 }
        return input
    }

    @Test(arguments: cases) func agreesWithTheReferenceBlockByBlock(_ model: String, _ name: String) throws {
        let golden = try Golden("cosmos3/transformer-\(model)")
        let transformer = try transformer(model)
        let input = try input(golden, name)
        func expect(_ found: Tensor, _ key: String, _ limit: Double = 5e-5) throws {
            let expected = try golden.tensor("\(name).\(key)")
            #expect(try found.reshaped(expected.shape).distance(to: expected) <= limit)
        }
        var state = try transformer.begin(input)
        for (number, layer) in try #require(input.prompts[0].keys).enumerated() {
            try expect(layer.keys, "text_key.\(number)")
            try expect(layer.values, "text_value.\(number)")
        }
        let (all, text) = (try golden.tensor("\(name).cos").shape[0], input.prompts[0].ids.count)
        for (table, key) in [(state.rotary.cosine, "cos"), (state.rotary.sine, "sin")] {
            let expected = try golden.tensor("\(name).\(key)").onDevice().slice(text..<all, axis: 0)
            let found = try concatenate([table, table], axis: 1).to(expected.dtype)
            #expect(try abs(found - expected).max() <= 1e-6)
        }
        try expect(state.tokens, "begun", 5e-6)
        for index in 0..<transformer.blockCount {
            try transformer.block(index, &state)
            try expect(state.tokens, "layer.\(index).generation")
        }
        let found = try transformer.finish(state)
        try expect(found[0], "output.video")
        #expect(found.count == (input.sound == nil ? 1 : 2))
        if found.count > 1 { try expect(found[1], "output.sound") }
    }

    @Test(arguments: cases) func isNoFurtherFromFloat32ThanTheReferenceIn16Bits(_ model: String, _ name: String) throws
    {
        let golden = try Golden("cosmos3/transformer-\(model)")
        let found = try BlockRunner(transformer(model, ComputePlan(dtype: .bfloat16))).predict(input(golden, name))
        for (found, part) in zip(found, ["video", "sound"]) {
            let exact = try golden.tensor("\(name).output.\(part)").doubles
            func error(_ values: [Double]) -> Double {
                zip(values, exact).map { ($0 - $1) * ($0 - $1) }.reduce(0, +).squareRoot()
            }
            let limit = try error(golden.tensor("\(name).output.\(part).bfloat16").doubles)
            let distance = try error(found.floats().map(Double.init))
            #expect(distance <= limit)
            #expect(distance > limit / 100, "it was not computed in 16 bits")
        }
    }

    /// Prompts of different lengths, one after the other and together.
    @Test func predictsEachItemOfABatchAsIfAlone() throws {
        let transformer = try transformer("cosmos3-tiny")
        let generator = try Generator(seed: 1)
        let prompts = [[1, 2, 3, 4, 5], [6, 7], [8, 9, 10]].map { Cosmos3.Prompt($0.map(Int32.init)) }
        let (video, sound) = (try generator.normal([3, 6, 2, 3, 2]), try generator.normal([3, 6, 4]))
        let all = try BlockRunner(transformer).predict(
            Cosmos3.Transformer.Input(video: video, sound: sound, prompts: prompts, rate: 24, timestep: 700))
        for (index, prompt) in prompts.enumerated() {
            let own = index..<index + 1
            let alone = try BlockRunner(transformer).predict(
                Cosmos3.Transformer.Input(
                    video: video.slice(own, axis: 0), sound: sound.slice(own, axis: 0),
                    prompts: [Cosmos3.Prompt(prompt.ids)], rate: 24, timestep: 700))
            for (together, alone) in zip(all, alone) {
                #expect(try abs(together.slice(own, axis: 0) - alone).max() < 1e-5)
            }
        }
    }

    @Test(arguments: ["image", "slow"]) func turnsByThePublishedAngles(_ name: String) throws {
        let golden = try Golden("cosmos3/positions")
        let sizes = try golden.tensor("\(name).sizes").doubles.map { Int($0) }
        let positions = Cosmos3.Positions(Cosmos3.TransformerConfig(), on: .cpu)
        let generated = try positions.generated(
            after: sizes[0], PatchGrid(Array(sizes[1...3]), patch: [1, 1, 1]),
            rate: golden.tensor("\(name).fps").doubles[0], compression: 4, soundTokens: sizes[4])
        let tables = try positions.text(sizes[0]).joined(generated)
        for (table, key) in [(tables.cosine, "cos"), (tables.sine, "sin")] {
            let expected = try golden.tensor("\(name).\(key)")
            let rows = (0..<expected.shape[0]).map { Int32(9 * $0) }
            let found = try table.gathered(Tensor(rows, shape: [rows.count]), axis: 0)
            // An angle of thousands, rounded to 32 bits by another product, is off by as much.
            #expect(try concatenate([found, found], axis: 1).distance(to: expected) <= 1e-5)
        }
    }
}

@DeviceActor @Suite struct Cosmos3SoundTests {
    @Test(arguments: ["pair", "one"]) func decodesAsTheReference(_ name: String) throws {
        let golden = try Golden("cosmos3/sound-tokenizer")
        let decoder = try TinyModel("cosmos3-tiny").module("sound_tokenizer", Cosmos3AVAEAudioTokenizer.init)
        let found = try decoder.decode(golden.tensor("\(name).input").onDevice())
        #expect(try found.distance(to: golden.tensor("\(name).output")) <= 1e-5)
    }

    @Test func countsFramesAsTheReferenceDoes() {
        let config = Cosmos3AVAEAudioTokenizerConfig()
        #expect(config.samplesPerFrame == 1920)
        #expect(config.frames(seconds: 189.0 / 24) == 197)
        #expect(config.frames(seconds: 0.04) == 1)
    }
}
