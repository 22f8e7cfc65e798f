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
        request.extra = [
            "promt_2": .text("c"), "prompt_2": .list([.text("a"), .text("b"), .text("c")]),
            "true_cfg_scale": .text("strong"),
        ]
        let checkpoint = try CheckpointFolder(TinyCheckpoint.path())
        let error = try #require(throws: InvalidRequest.self) { try Flux1.resolve(request, for: checkpoint) }
        #expect(error.problems.count == 11)
        for name in [
            "height is 0", "width is 7", "num_inference_steps is 1001", "guidance_scale is -1.0",
            "max_sequence_length is 513", "3 values were given for seed", "no parameter num_frames",
            "no parameter frame_rate", "promt_2 (did you mean prompt_2?)", "3 values were given for prompt_2",
            "true_cfg_scale is \"strong\"",
        ] {
            #expect("\(error)".contains(name))
        }
    }
}
