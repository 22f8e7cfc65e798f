import Diffusion
import Layers
import Models
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct QwenImageTransformerTests {
    private func transformer() throws -> QwenImage.Transformer {
        try TinyModel("qwen-image-tiny").module("transformer", QwenImage.Transformer.init)
    }

    /// The golden's inputs, of one sample: a batch of ours has one timestep.
    private func input(_ golden: Golden, _ sample: Int, masked: Bool = false) throws -> QwenImage.Transformer.Input {
        func one(_ name: String) throws -> Tensor {
            try golden.tensor("transformer.\(name)").onDevice().slice(sample..<sample + 1, axis: 0)
        }
        var mask: Tensor?
        if masked {
            let shown = try one("encoder_hidden_states_mask").to(.float32)
            mask = try log(shown).reshaped(1, 1, 1, shown.size(1))
        }
        func table(_ name: String) throws -> Tensor {
            try concatenate(
                ["text", "image"].map { try golden.tensor("transformer.rotary.\($0).\(name)").onDevice() }, axis: 0)
        }
        return QwenImage.Transformer.Input(
            latents: try one("hidden_states"), prompt: try one("encoder_hidden_states"), textMask: mask,
            timestep: try golden.tensor("transformer.timestep").floats[sample],
            rotary: RotaryEmbedding(cosine: try table("cos"), sine: try table("sin")))
    }

    @Test(arguments: [0, 1]) func agreesWithTheReferenceBlockByBlock(_ sample: Int) throws {
        let (golden, floors) = (try Golden("qwen-image/components"), try Floors("qwen-image"))
        let transformer = try transformer()
        func expect(_ found: Tensor, _ name: String, _ change: (Tensor) throws -> Tensor = { $0 }) throws {
            let reference = try golden.tensor("transformer.\(name)").onDevice().slice(sample..<sample + 1, axis: 0)
            let distance = try found.distance(to: change(reference), name)
            #expect(distance <= floors.limit("transformer.\(name)", of: "components"))
        }
        var state = try transformer.begin(input(golden, sample))
        try expect(state.conditioning, "time_text_embed") { try silu($0) }
        for index in 0..<transformer.blockCount {
            try transformer.block(index, &state)
            guard case .double(let text, let image) = state.streams.tokens else { continue }
            try expect(text, "transformer_blocks.\(index).encoder_hidden_states")
            try expect(image, "transformer_blocks.\(index).hidden_states")
        }
        try expect(transformer.finish(state)[0], "output")
        try expect(transformer(transformer.prepared(input(golden, sample, masked: true))), "masked_output")
    }

    @Test(arguments: [("transformer", [[1, 3, 5]]), ("references", [[1, 3, 5], [1, 4, 2], [1, 1, 7]])])
    func turnsByTheReferencesAngles(_ name: String, _ images: [[Int]]) throws {
        let golden = try Golden("qwen-image/components")
        let config: QwenImage.TransformerConfig = try TinyModel("qwen-image-tiny").config("transformer")
        let tables = try config.rotary(
            textTokens: 7, images.map { PatchGrid($0, patch: [1, 1, 1]) }, on: .cpu)
        for (table, kind) in [(tables.cosine, "cos"), (tables.sine, "sin")] {
            let expected = try concatenate(
                ["text", "image"].map { try golden.tensor("\(name).rotary.\($0).\(kind)").onDevice() }, axis: 0)
            #expect(try table.distance(to: expected) <= 1e-6)
        }
    }

    /// A call with two references, of a model for which these are free of noise or not.
    private func referenceInput(_ golden: Golden, _ name: String, _ sample: Int, _ config: QwenImage.TransformerConfig)
        throws -> QwenImage.Transformer.Input
    {
        var input = try input(golden, sample)
        let tokens = try golden.tensor("\(name).hidden_states").onDevice().slice(sample..<sample + 1, axis: 0)
        input.latents = try tokens.slice(0..<15, axis: 1)
        input.references = try tokens.slice(15..<30, axis: 1)
        input.rotary = try config.rotary(
            textTokens: 7, [[1, 3, 5], [1, 4, 2], [1, 1, 7]].map { PatchGrid($0, patch: [1, 1, 1]) }, on: .cpu)
        return input
    }

    private func transformer(_ name: String) throws -> QwenImage.Transformer {
        try TinyModel("qwen-image-edit-plus-tiny\(name == "zero" ? "-zero" : "")")
            .module("transformer", QwenImage.Transformer.init)
    }

    /// The reference predicts the references' tokens too; the pipeline leaves them out.
    @Test(arguments: ["references", "zero"], [0, 1]) func seesReferenceImages(_ name: String, _ sample: Int) throws {
        let (golden, floors) = (try Golden("qwen-image/components"), try Floors("qwen-image"))
        let transformer = try transformer(name)
        let input = try referenceInput(golden, name, sample, transformer.config)
        let expected = try golden.tensor("\(name).output").onDevice().slice(sample..<sample + 1, axis: 0)
            .slice(0..<15, axis: 1)
        for input in [input, try transformer.prepared(input)] {
            let distance = try transformer(input).distance(to: expected)
            #expect(distance <= floors.limit("\(name).output", of: "components"))
        }
    }

    /// What the timesteps bring is made for many steps at once, more than once if there are many.
    @Test(arguments: ["references", "zero"]) func isTheSameWithTimestepsKnownAhead(_ name: String) throws {
        let transformer = try transformer(name)
        var input = try referenceInput(Golden("qwen-image/components"), name, 0, transformer.config)
        let timesteps = (0..<40).map { 1 - Float($0) / 40 }
        var ahead = input
        ahead.modulations = QwenImage.Transformer.Modulations(of: timesteps, atOnce: 32)
        for timestep in [timesteps[0], timesteps[31], timesteps[32], timesteps[39], 0.123, timesteps[3]] {
            (input.timestep, ahead.timestep) = (timestep, timestep)
            #expect(try transformer(ahead).distance(to: transformer(input)) <= 1e-5)
        }
        ahead.timestep = timesteps[39]
        #expect(try transformer(ahead).distance(to: transformer(input)) > 1e-3)
    }

    /// With `zero_cond_t` tokens are of two kinds, which go along when they change places.
    @Test func mapsEveryTokenOfTwoKinds() throws {
        let transformer = try transformer("zero")
        let runner = BlockRunner(transformer)
        let plain = try runner.begin(
            referenceInput(Golden("qwen-image/components"), "zero", 0, transformer.config))
        func reverse(_ state: inout SharedState<QwenImage.Transformer.State>) throws {
            try state.state.mapTokens { tensor, axis, _ throws(TensorError) in
                let order = (0..<tensor.size(axis)).reversed().map { Int32($0) }
                return try tensor.gathered(Tensor(order, shape: [order.count]), axis: axis)
            }
        }
        var reversed = plain
        try reverse(&reversed)
        try runner.run(0..<1, &reversed)
        try reverse(&reversed)
        let expected = try runner.finish(plain, from: 0)[0]
        #expect(try runner.finish(reversed, from: 1)[0].distance(to: expected) <= 1e-5)
        var copied = plain
        try copied.state.mapTensors { tensor throws(TensorError) in try (tensor * 1).to(tensor.dtype) }
        #expect(try runner.finish(copied, from: 0)[0].distance(to: expected) == 0)
        var blank = plain
        try blank.state.mapTensors { tensor throws(TensorError) in try (tensor * 0).to(tensor.dtype) }
        #expect(try runner.finish(blank, from: 0)[0].distance(to: expected) > 0.01)
    }
}

@Suite struct QwenImageRequestTests {
    private func model() throws -> QwenImage {
        try QwenImage(CheckpointFolder(TinyCheckpoint.path(of: "qwen-image-tiny")))
    }

    @Test func isGuidedAsDiffusersIsOrAsTensorRTIs() throws {
        let model = try model()
        var request = GenerationRequest(prompts: ["a cat"])
        #expect(try model.resolve(request).negativePrompts == [""])
        request.extra["true_cfg_scale"] = .number(4)
        let resolved = try model.resolve(request)
        #expect(resolved.negativePrompts == [])
        #expect(model.notes(on: request, resolved: resolved).count == 1)
        request.negativePrompts = [" "]
        #expect(try model.resolve(request).negativePrompts == [" "])
        #expect(model.notes(on: request, resolved: try model.resolve(request)).isEmpty)
    }
}
