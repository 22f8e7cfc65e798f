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

    @Test func turnsByTheReferencesAngles() throws {
        let golden = try Golden("qwen-image/components")
        let config: QwenImage.TransformerConfig = try TinyModel("qwen-image-tiny").config("transformer")
        let tables = try config.rotary(textTokens: 7, PatchGrid([1, 3, 5], patch: [1, 1, 1]), on: .cpu)
        for (table, name) in [(tables.cosine, "cos"), (tables.sine, "sin")] {
            let expected = try concatenate(
                ["text", "image"].map { try golden.tensor("transformer.rotary.\($0).\(name)").onDevice() }, axis: 0)
            #expect(try table.distance(to: expected) <= 1e-6)
        }
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
