import Diffusion
import Files
import Foundation
import Layers
import Models
import TestKit
import Testing

@Suite struct Cosmos3RequestTests {
    private func problems(_ name: String = "cosmos3-tiny", _ change: (inout GenerationRequest) throws -> Void) throws
        -> String
    {
        try Cosmos3Model.with(name) { model in
            var request = GenerationRequest(prompts: ["a cat"])
            try change(&request)
            do {
                _ = try Cosmos3(CheckpointFolder(model.path)).resolve(request)
                return ""
            } catch let error as InvalidRequest {
                return "\(error)"
            }
        }
    }

    private func resolved(_ name: String = "cosmos3-tiny", _ change: (inout GenerationRequest) -> Void) throws
        -> GenerationRequest
    {
        try Cosmos3Model.with(name) { model in
            var request = GenerationRequest(prompts: ["a cat"])
            change(&request)
            return try Cosmos3(CheckpointFolder(model.path)).resolve(request)
        }
    }

    @Test func choosesForVideosAndForImages() throws {
        let video = try resolved { _ in }
        #expect([video.height, video.width, video.numFrames, video.numInferenceSteps] == [720, 1280, 189, 35])
        #expect(video.guidanceScale == 6 && video.frameRate == 24 && video.maxSequenceLength == 4096)
        let image = try resolved { $0.extra["output_type"] = .text("image") }
        #expect([image.height, image.width, image.numFrames, image.numInferenceSteps] == [1024, 1024, 1, 50])
        #expect(image.guidanceScale == 7)
        #expect(try resolved { $0.numFrames = 1 }.guidanceScale == 7)
        let model = try Cosmos3(CheckpointFolder(TinyCheckpoint.path(of: "cosmos3-tiny")))
        let choices = try #require(model.imageDefaults)
        #expect([choices.height, choices.width, choices.numFrames, choices.numInferenceSteps] == [1024, 1024, 1, 50])
        let distilled = try resolved("cosmos3-tiny-distilled") { _ in }
        #expect(distilled.numInferenceSteps == 4 && distilled.guidanceScale == 1)
    }

    @Test func takesEitherName() throws {
        let resolved = try resolved {
            $0.extra["enable_sound"] = .bool(true)
            $0.extra["add_duration_template"] = .bool(false)
            $0.extra["enable_safety_check"] = .bool(true)
        }
        #expect(resolved.extra["enable_audio"] == .bool(true))
        #expect(resolved.extra["use_duration_template"] == .bool(false))
        // What comes of it is the engine's.
        #expect(resolved.extra["use_guardrails"] == .bool(true))
        for name in ["enable_sound", "add_duration_template", "enable_safety_check"] {
            #expect(resolved.extra[name] == nil)
        }
    }

    @Test func refusesWhatCannotBeMadeInOneSentence() throws {
        let pixel = RequestImage(name: "a.png", pixels: PixelBatch(count: 1, height: 1, width: 1, bytes: [0, 0, 0]))
        let expected: [(String, (inout GenerationRequest) throws -> Void)] = [
            ("height is 40; it must be a multiple of 16", { $0.height = 40 }),
            ("width is 100; it must be a multiple of 16", { $0.width = 100 }),
            ("num_frames is 0", { $0.numFrames = 0 }), ("frame_rate is 0.0", { $0.frameRate = 0 }),
            ("num_frames is 100000; it must be so few that", { $0.numFrames = 100_000 }),
            ("max_sequence_length is 15001", { $0.maxSequenceLength = 15001 }),
            ("image is one pixel (a.png)", { $0.images = [pixel] }),
            ("last_image", { $0.lastImage = pixel }),
            (
                "guidance_interval is [700.0]",
                { $0.extra["guidance_interval"] = .list([.number(700)]) }
            ),
            ("output_type is \"film\"", { $0.extra["output_type"] = .text("film") }),
            (
                "num_frames is 1; it must be more than 1",
                { ($0.numFrames, $0.extra["output_type"]) = (1, .text("video")) }
            ),
            ("num_frames is 5; it must be 1", { ($0.numFrames, $0.extra["output_type"]) = (5, .text("image")) }),
            (
                "enable_sound is true; it must be the same as enable_audio",
                { ($0.extra["enable_sound"], $0.extra["enable_audio"]) = (.bool(true), .bool(false)) }
            ),
        ]
        #expect(try problems { _ in } == "")
        for (sentence, change) in expected {
            let found = try problems("cosmos3-tiny", change)
            #expect(found.contains(sentence), "\(sentence): \(found)")
        }
    }

    @Test func refusesSoundWhereThereIsNone() throws {
        #expect(
            try problems("cosmos3-tiny-super") { $0.extra["enable_audio"] = .bool(true) }
                == "enable_audio is true; it must be false: the model was trained without sound")
        let copy = try TinyCheckpoint(copying: "cosmos3-tiny")
        try copy.editJSON("model_index.json") { $0["sound_tokenizer"] = [NSNull(), NSNull()] }
        var request = GenerationRequest(prompts: ["a cat"])
        request.extra["enable_audio"] = .bool(true)
        let model = try Cosmos3(CheckpointFolder(copy.path))
        #expect { try model.resolve(request) } throws: { "\($0)".contains("the checkpoint has no sound_tokenizer") }
    }

    @Test func refusesOtherStepsThanADistilledModelHas() throws {
        let name = "cosmos3-tiny-distilled"
        #expect(try problems(name) { _ in } == "")
        for (sentence, change) in [
            ("num_inference_steps is 5; it must be 4", { $0.numInferenceSteps = 5 }),
            ("guidance_scale is 6.0; it must be 1", { $0.guidanceScale = 6 }),
            ("flow_shift", { $0.extra["flow_shift"] = .number(3) }),
            (
                "num_frames is 1; it must be more than 1 where there is an image",
                { ($0.numFrames, $0.images) = (1, [try RequestImage(golden: "first.png")]) }
            ),
        ] as [(String, (inout GenerationRequest) throws -> Void)] {
            let found = try problems(name, change)
            #expect(found.contains(sentence), "\(found)")
        }
    }

    @Test func refusesAPromptThatIsTooLong() throws {
        let model = try Cosmos3(CheckpointFolder(TinyCheckpoint.path(of: "cosmos3-tiny")))
        let reader = try Cosmos3.PromptReader(model)
        var request = GenerationRequest(prompts: ["a cat"])
        request.maxSequenceLength = 20
        let resolved = try model.resolve(request)
        #expect { try reader.prompts(of: resolved, [.positive], nil) } throws: {
            "\($0)".hasPrefix("prompt is") && "\($0)".hasSuffix("it must be no longer than max_sequence_length, 20")
        }
    }

    @Test func refusesCheckpointsThatDoNotFit() throws {
        func sentence(_ file: String, _ change: (inout [String: Any]) -> Void) throws
            -> String
        {
            let copy = try TinyCheckpoint(copying: "cosmos3-tiny")
            try copy.editJSON(file, change)
            do {
                _ = try Cosmos3(CheckpointFolder(copy.path))
                return ""
            } catch let error as ConfigError {
                return "\(error.fault)"
            }
        }
        let config = "transformer/config.json"
        #expect(try sentence(config) { $0["num_key_value_heads"] = 3 }.contains("num_attention_heads"))
        #expect(try sentence(config) { $0["hidden_act"] = "relu2" }.contains("hidden_act"))
        #expect(try sentence(config) { $0["latent_channel"] = 12 }.contains("patch_latent_dim"))
        #expect(try sentence(config) { $0["sound_dim"] = 5 }.contains("sound_dim"))
        #expect(try sentence("sound_tokenizer/config.json") { $0["latent_mean"] = 1 }.contains("latent_mean"))
        try Cosmos3Model.with("cosmos3-tiny-distilled", scheduler: ["stochastic_sampling": false]) { model -> Void in
            #expect { try Cosmos3(CheckpointFolder(model.path)) } throws: { "\($0)".contains("stochastic_sampling") }
        }
        for levels in [[0.5, 0.9], [2, 1], [1, 0], []] as [[Double]] {
            let fixed: [String: Any] = ["sample_type": "sde", "t_list": levels]
            try Cosmos3Model.with("cosmos3-tiny-distilled", scheduler: ["fixed_step_sampler_config": fixed]) {
                model -> Void in
                #expect { try Cosmos3(CheckpointFolder(model.path)) } throws: { "\($0)".contains("t_list") }
            }
        }
        try Cosmos3Model.with("cosmos3-tiny-distilled", scheduler: ["fixed_step_sampler_config": NSNull()]) {
            model -> Void in
            #expect { try Cosmos3(CheckpointFolder(model.path)) } throws: { "\($0)".contains("t_list") }
        }
    }

    @Test func tellsWhatChangesNothing() throws {
        var request = GenerationRequest(prompts: ["a cat"])
        (request.negativePrompts, request.guidanceScale, request.numFrames) = (["a dog"], 1, 1)
        request.images = [try RequestImage(golden: "first.png")]
        let model = try Cosmos3(CheckpointFolder(TinyCheckpoint.path(of: "cosmos3-tiny")))
        let resolved = try model.resolve(request)
        #expect(model.notes(on: request, resolved: resolved).map(\.field) == ["negative_prompt", "image"])
        request.guidanceScale = 0.5
        #expect(try model.notes(on: request, resolved: model.resolve(request)).map(\.field) == ["image"])
    }
}
