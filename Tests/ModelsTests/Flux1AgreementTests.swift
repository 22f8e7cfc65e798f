import Diffusion
import Layers
import Models
import Tensors
import TestKit
import Testing

/// What the parts of a checkpoint must have in common.
@DeviceActor @Suite struct Flux1AgreementTests {
    private func request(steps: Int = 1) -> GenerationRequest {
        var request = GenerationRequest(prompts: ["a cat holding a sign"])
        (request.height, request.width, request.numInferenceSteps) = (32, 32, steps)
        (request.seeds, request.maxSequenceLength) = ([1], 16)
        return request
    }

    /// CLIP's length is its tokenizer's. What is cut off there only pads, which the pooled state does not see.
    @Test(arguments: [77, 50, 40]) func readsTextsOfItsTokenizersLength(_ length: Int) throws {
        let copy = try TinyCheckpoint()
        try copy.editJSON("tokenizer/tokenizer_config.json") { $0["model_max_length"] = length }
        let trace = try TinyModel(copy).run(request()).1
        let published = try TinyModel().run(request()).1
        let (ids, whole) = (try #require(trace["input_ids.text_encoder"]), published["input_ids.text_encoder"])
        #expect(ids.shape == [1, length])
        #expect(ids.values == Array(try #require(whole).values.prefix(length)))
        let pooled = try #require(trace["pooled_prompt_embeds"]?.values)
        let expected = try #require(published["pooled_prompt_embeds"]?.values)
        #expect(zip(pooled, expected).allSatisfy { abs($0 - $1) < 1e-5 })
    }

    @Test func readsTextsOfTheModelsLengthWhereTheTokenizerHasNone() throws {
        let copy = try TinyCheckpoint()
        try copy.editJSON("tokenizer/tokenizer_config.json") { $0["model_max_length"] = nil }
        #expect(try TinyModel(copy).image() == TinyModel().image())
    }

    @Test func refusesATokenizerOfLongerTextsThanTheModelReads() throws {
        let copy = try TinyCheckpoint()
        try copy.editJSON("tokenizer/tokenizer_config.json") { $0["model_max_length"] = 78 }
        #expect(
            throws: ConfigError(
                file: copy.file("text_encoder/config.json"),
                fault: .misfit("max_position_embeddings", 77, to: "model_max_length of tokenizer", 78))
        ) { try TinyModel(copy).run(request()) }
    }

    @Test(arguments: [
        ("joint_attention_dim", "d_model of text_encoder_2"), ("pooled_projection_dim", "hidden_size of text_encoder"),
        ("in_channels", "four times latent_channels of vae"), ("out_channels", "in_channels"),
    ])
    func refusesADenoiserThatDoesNotFitItsNeighbours(_ key: String, _ name: String) throws {
        let copy = try TinyCheckpoint()
        try copy.editJSON("transformer/config.json") { $0[key] = 400 }
        #expect {
            try TinyModel(copy).run(request())
        } throws: { error in
            guard let error = error as? ConfigError, case .misfit(key, 400, to: name, _) = error.fault else {
                return false
            }
            return error.file == copy.file("transformer/config.json")
        }
    }

    @Test func refusesATokenThatItsEncoderHasNoRowFor() throws {
        let copy = try TinyCheckpoint()
        try copy.editJSON("tokenizer/tokenizer_config.json") { $0["eos_token"] = "<|over|>" }
        #expect(
            throws: ConfigError(
                file: copy.file("text_encoder/config.json"),
                fault: .misfit("vocab_size", 604, to: "a token of tokenizer", 604))
        ) { try TinyModel(copy).run(request()) }
    }

    /// With one step the only level is the greatest one, which no factor stretches to another last level.
    @Test func refusesARequestThatTheSchedulerMakesNoNumbersOf() throws {
        let copy = try TinyCheckpoint()
        try copy.editJSON("scheduler/scheduler_config.json") { $0["shift_terminal"] = 0.1 }
        #expect {
            try TinyModel(copy).run(request())
        } throws: { error in
            (error as? InvalidRequest)?.description.contains("num_inference_steps is 1") == true
        }
        _ = try TinyModel(copy).run(request(steps: 2))
    }

    @Test(arguments: ["num_layers", "num_single_layers"]) func namesANegativeCountAsTheFileHasIt(_ key: String) throws {
        let copy = try TinyCheckpoint()
        try copy.editJSON("transformer/config.json") { $0[key] = -3 }
        #expect(throws: ConfigError(file: copy.file("transformer/config.json"), fault: .value(key, found: "-3"))) {
            try TinyModel(copy).run(request())
        }
    }
}
