import Diffusion
import Models
import TestKit
import Testing

@Suite struct Flux1RequestTests {
    @Test func tellsEveryProblemOfARequestAtOnce() throws {
        var request = GenerationRequest(prompts: ["a", "b"])
        (request.height, request.width, request.numInferenceSteps) = (0, 7, 1001)
        (request.guidanceScale, request.maxSequenceLength, request.seeds) = (-1, 513, [1, 2, 3])
        (request.numFrames, request.frameRate) = (5, 24)
        let image = RequestImage(name: "a", pixels: PixelBatch(count: 1, height: 1, width: 1, bytes: [0, 0, 0]))
        (request.images, request.lastImage) = ([image], image)
        request.extra = [
            "promt_2": .text("c"), "prompt_2": .list([.text("a"), .text("b"), .text("c")]),
            "true_cfg_scale": .text("strong"),
        ]
        let checkpoint = try CheckpointFolder(TinyCheckpoint.path())
        let error = try #require(throws: InvalidRequest.self) { try Flux1(checkpoint).resolve(request) }
        #expect(error.problems.count == 13)
        for name in [
            "height is 0", "width is 7", "num_inference_steps is 1001", "guidance_scale is -1.0",
            "max_sequence_length is 513", "3 values were given for seed", "no parameter num_frames",
            "no parameter frame_rate", "no parameter image", "no parameter last_image",
            "promt_2 (did you mean prompt_2?)", "3 values were given for prompt_2",
            "true_cfg_scale is \"strong\"",
        ] {
            #expect("\(error)".contains(name))
        }
    }

    @Test func cutsSizesDownToWholeTokens() throws {
        var request = GenerationRequest(prompts: ["a"])
        (request.height, request.width) = (47, 33)
        let resolved = try Flux1(CheckpointFolder(TinyCheckpoint.path())).resolve(request)
        #expect((resolved.height, resolved.width) == (40, 32))
    }
}

/// What a request brings along that changes nothing.
@Suite struct Flux1NotesTests {
    private func notes(
        _ model: String = "flux1-dev", _ change: (inout GenerationRequest) -> Void
    ) throws -> [String] {
        let model = try Flux1(CheckpointFolder("\(Golden.folder)/manifests/\(model)"))
        var request = GenerationRequest(prompts: ["a lake"])
        change(&request)
        return try model.notes(on: request, resolved: model.resolve(request)).map(\.description)
    }

    @Test func aNegativePromptNeedsATrueScale() throws {
        let reason = "has no effect: true_cfg_scale is 1.0, and it counts only above 1"
        #expect(try notes { $0.negativePrompts = ["dogs"] } == ["negative_prompt \(reason)"])
        let both = try notes {
            ($0.negativePrompts, $0.extra) = (["dogs"], ["negative_prompt_2": .text("cats")])
        }
        #expect(both == ["negative_prompt \(reason)", "negative_prompt_2 \(reason)"])
        #expect(try notes { ($0.negativePrompts, $0.extra) = (["dogs"], ["true_cfg_scale": .number(4)]) } == [])
        #expect(try notes { $0.negativePrompts = [""] } == [])
        #expect(try notes { _ in } == [])
    }

    @Test func aTrueScaleNeedsANegativePrompt() throws {
        let reason = "has no effect: it counts only with negative_prompt"
        #expect(try notes { $0.extra["true_cfg_scale"] = .number(4) } == ["true_cfg_scale \(reason)"])
        #expect(try notes { $0.extra["true_cfg_scale"] = .number(1) } == [])
    }

    @Test func guidanceNeedsAModelThatWasMadeForIt() throws {
        let note = "guidance_scale has no effect: the model was made without it"
        #expect(try notes("flux1-schnell") { $0.guidanceScale = 7 } == [note])
        #expect(try notes("flux1-schnell") { $0.guidanceScale = 3.5 } == [])
        #expect(try notes { $0.guidanceScale = 7 } == [])
    }

    @Test func sigmasDecideHowManyStepsThereAre() throws {
        let sigmas = ParameterValue.list([.number(1), .number(0.5)])
        let note = "num_inference_steps has no effect: sigmas are given for 2 steps"
        #expect(try notes { ($0.numInferenceSteps, $0.extra["sigmas"]) = (9, sigmas) } == [note])
        #expect(try notes { ($0.numInferenceSteps, $0.extra["sigmas"]) = (2, sigmas) } == [])
    }
}

@Suite struct Flux1DefaultsTests {
    private func published(_ model: String) throws -> CheckpointFolder {
        try CheckpointFolder("\(Golden.folder)/manifests/\(model)")
    }

    @Test(arguments: [("flux1-dev", 50), ("flux1-schnell", 4)])
    func saysWhatThePublishedModelsChoose(_ model: String, _ steps: Int) throws {
        var expected = GenerationRequest(prompts: [])
        (expected.height, expected.width, expected.numInferenceSteps) = (1024, 1024, steps)
        (expected.guidanceScale, expected.maxSequenceLength) = (3.5, 512)
        expected.extra = ["true_cfg_scale": .number(1)]
        #expect(try Flux1(published(model)).defaults == expected)
        #expect(try Flux1(published(model)).warmUpSizes == [OutputSize(height: 1024, width: 1024)])
    }

    @Test func takesTheCheckpointsOwnChoices() throws {
        let copy = try TinyCheckpoint()
        try copy.editJSON("model_index.json") {
            $0["_visualgen_defaults"] = ["height": 64, "width": 128, "num_inference_steps": 20, "guidance_scale": 2.5]
        }
        let checkpoint = try CheckpointFolder(copy.path)
        let defaults = try Flux1(checkpoint).defaults
        #expect((defaults.height, defaults.width, defaults.numInferenceSteps) == (64, 128, 20))
        #expect(try Flux1(checkpoint).warmUpSizes == [OutputSize(height: 64, width: 128)])
    }

    @Test func resolvesARequestToItsOwnValuesAndTheDefaults() throws {
        var request = GenerationRequest(prompts: ["a"])
        (request.height, request.guidanceScale) = (512, 2)
        let resolved = try Flux1(published("flux1-dev")).resolve(request)
        #expect((resolved.height, resolved.width, resolved.numInferenceSteps) == (512, 1024, 50))
        #expect((resolved.guidanceScale, resolved.maxSequenceLength) == (2, 512))
        request.extra["sigmas"] = .list([.number(1), .number(0.5), .number(0.2)])
        #expect(try Flux1(published("flux1-dev")).resolve(request).numInferenceSteps == 3)
    }

    @Test func declaresIDsAndNoSettingsOfItsOwn() {
        #expect(Flux1.modelIDs.contains("black-forest-labs/FLUX.1-dev"))
        #expect(Flux1.modelIDs.contains("black-forest-labs/FLUX.1-schnell"))
        #expect(Flux1.pipelineConfig.isEmpty)
    }
}
