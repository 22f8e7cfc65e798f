import Diffusion
import Foundation
import Models
import TestKit
import Testing

@Suite struct WanRequestTests {
    private func resolve(_ model: String, _ change: (inout GenerationRequest) -> Void) throws -> GenerationRequest {
        var request = GenerationRequest(prompts: ["a lake"])
        request.seeds = [1]
        change(&request)
        return try Wan(CheckpointFolder(TinyCheckpoint.path(of: model))).resolve(request)
    }

    private func problems(_ model: String, _ change: (inout GenerationRequest) -> Void) throws -> String {
        "\(try #require(throws: InvalidRequest.self) { try resolve(model, change) })"
    }

    private var image: RequestImage {
        RequestImage(name: "p.png", pixels: PixelBatch(count: 1, height: 1, width: 1, bytes: [0, 0, 0]))
    }

    @Test func tellsWhatChangesNothing() throws {
        func notes(_ name: String, _ change: (inout GenerationRequest) -> Void) throws -> [String] {
            let model = try Wan(CheckpointFolder(TinyCheckpoint.path(of: name)))
            var request = GenerationRequest(prompts: ["a lake"])
            change(&request)
            return try model.notes(on: request, resolved: model.resolve(request)).map(\.description)
        }
        let reason = "has no effect: guidance_scale is 1.0, and it counts only above 1"
        let one = "wan2.1-tiny-t2v"
        #expect(try notes(one) { ($0.negativePrompts, $0.guidanceScale) = (["a"], 1) } == ["negative_prompt \(reason)"])
        #expect(try notes(one) { ($0.negativePrompts, $0.guidanceScale) = (["a"], 2) } == [])
        #expect(try notes(one) { ($0.negativePrompts, $0.guidanceScale) = ([Wan.defaultNegativePrompt], 1) } == [])
        #expect(try notes(one) { $0.guidanceScale = 1 } == [])
        let two = "wan2.2-tiny-i2v-a14b"
        let scale = ParameterValue.number(3)
        #expect(
            try notes(two) { ($0.images, $0.guidanceScale, $0.extra) = ([image], 1, ["guidance_scale_2": scale]) }
                == ["guidance_scale_2 \(reason)"])
        #expect(
            try notes(two) {
                ($0.images, $0.extra) = ([image], ["guidance_scale_2": scale, "boundary_ratio": .number(0)])
            }
                == ["guidance_scale_2 has no effect: no step is left for the second transformer"])
        #expect(try notes(two) { ($0.images, $0.extra) = ([image], ["guidance_scale_2": scale]) } == [])
    }

    @Test func tellsEveryProblemOfARequestAtOnce() throws {
        let found = try problems("wan2.1-tiny-t2v") {
            ($0.height, $0.width, $0.numFrames, $0.frameRate) = (0, 15, 0, 0)
            ($0.numInferenceSteps, $0.guidanceScale, $0.maxSequenceLength) = (0, .nan, 513)
            ($0.images, $0.lastImage, $0.seeds) = ([image], image, [1, 2])
            $0.extra = ["guidance_scale_2": .number(3), "vae_tiling": .text("yes"), "shift": .number(3)]
        }
        for name in [
            "height is 0", "width is 15", "num_frames is 0", "frame_rate is 0.0", "num_inference_steps is 0",
            "guidance_scale is nan", "max_sequence_length is 513", "no parameter image", "no parameter last_image",
            "2 values were given for seed", "no parameter guidance_scale_2", "vae_tiling is \"yes\"",
            "no parameter shift",
        ] {
            #expect(found.contains(name), "\(found)")
        }
        #expect(found.split(separator: ";").count >= 13)
    }

    /// What diffusers fails at, except for sizes, which are cut down here, and several videos of one image.
    @Test func refusesWhatTheReferenceFailsAt() throws {
        #expect(try problems("wan2.1-tiny-i2v") { _ in } == "image is needed")
        #expect(try problems("wan2.2-tiny-i2v-a14b") { $0.lastImage = image } == "image is needed")
        let two = try problems("wan2.1-tiny-i2v") { ($0.images, $0.lastImage) = ([image], image) }
        #expect(two.contains("no parameter last_image"))
        #expect(try problems("wan2.1-tiny-flf2v") { $0.images = [image] } == "last_image is needed")
        let short = try problems("wan2.1-tiny-flf2v") {
            ($0.images, $0.lastImage, $0.numFrames) = ([image], image, 3)
        }
        #expect(short.contains("num_frames is 3"))
        #expect(try problems("wan2.1-tiny-t2v") { $0.negativePrompts = ["a", "b"] }.contains("negative_prompt"))
    }

    /// diffusers leaves it aside in silence.
    @Test func refusesALastImageThatNothingWouldSee() throws {
        let found = try problems("wan2.2-tiny-ti2v-5b") { ($0.images, $0.lastImage) = ([image], image) }
        #expect(found.contains("no parameter last_image"))
    }

    @Test func takesOneImageForTheWholeBatch() throws {
        let found = try problems("wan2.1-tiny-i2v") { $0.images = [image, image] }
        #expect(found.contains("2 values were given for image"))
        #expect(try resolve("wan2.2-tiny-ti2v-5b") { $0.images = [image] }.images.count == 1)
        #expect(try resolve("wan2.2-tiny-ti2v-5b") { _ in }.images.isEmpty)
    }

    @Test(arguments: [(1, 1), (2, 1), (3, 1), (4, 5), (5, 5), (6, 5), (7, 5), (8, 9), (80, 81), (81, 81), (83, 81)])
    func roundsFramesAsTheReferenceDoes(_ asked: Int, _ made: Int) throws {
        #expect(try resolve("wan2.1-tiny-t2v") { $0.numFrames = asked }.numFrames == made)
    }

    @Test func cutsSizesDownToWholeTokens() throws {
        let small = try resolve("wan2.1-tiny-t2v") { ($0.height, $0.width) = (31, 45) }
        #expect((small.height, small.width) == (16, 32))
        let large = try resolve("wan2.2-tiny-ti2v-5b") { ($0.height, $0.width) = (48, 80) }
        #expect((large.height, large.width) == (32, 64))
    }

    @Test func takesTheModelsNegativePromptOnlyWhereNoneIsGiven() throws {
        #expect(try resolve("wan2.1-tiny-t2v") { _ in }.negativePrompts == [Wan.defaultNegativePrompt])
        #expect(try resolve("wan2.1-tiny-t2v") { $0.negativePrompts = [""] }.negativePrompts == [""])
    }
}

@Suite struct WanDefaultsTests {
    private func published(_ model: String) throws -> CheckpointFolder {
        try CheckpointFolder("\(Golden.folder)/manifests/\(model)")
    }

    @Test(arguments: [
        ("wan2.1-t2v-1.3b", 480, 832, 81, 16, 50, 5), ("wan2.1-t2v-14b", 720, 1280, 81, 16, 50, 5),
        ("wan2.1-i2v-14b-480p", 480, 832, 81, 16, 50, 5), ("wan2.1-i2v-14b-720p", 720, 1280, 81, 16, 50, 5),
        ("wan2.1-flf2v-14b-720p", 720, 1280, 81, 16, 50, 5), ("wan2.2-t2v-a14b", 720, 1280, 81, 16, 40, 4),
        ("wan2.2-i2v-a14b", 720, 1280, 81, 16, 40, 4), ("wan2.2-ti2v-5b", 704, 1280, 121, 24, 50, 5),
    ])
    func saysWhatThePublishedModelsChoose(
        _ model: String, _ height: Int, _ width: Int, _ frames: Int, _ rate: Double, _ steps: Int, _ guidance: Double
    ) throws {
        var expected = GenerationRequest(prompts: [])
        (expected.height, expected.width, expected.numFrames, expected.frameRate) = (height, width, frames, rate)
        (expected.numInferenceSteps, expected.guidanceScale, expected.maxSequenceLength) = (steps, guidance, 512)
        expected.negativePrompts = [Wan.defaultNegativePrompt]
        expected.extra = ["vae_tiling": .bool(false)]
        #expect(try Wan(published(model)).defaults == expected)
    }

    @Test func takesTheCheckpointsOwnChoices() throws {
        let copy = try TinyCheckpoint(copying: "wan2.1-tiny-t2v")
        try copy.editJSON("model_index.json") {
            $0["_visualgen_defaults"] = [
                "height": 96, "width": 128, "num_frames": 17, "num_inference_steps": 20, "frame_rate": 8,
                "guidance_scale": 1.0, "negative_prompt": "",
            ]
        }
        let checkpoint = try CheckpointFolder(copy.path)
        let defaults = try Wan(checkpoint).defaults
        #expect((defaults.height, defaults.width, defaults.numFrames) == (96, 128, 17))
        #expect((defaults.numInferenceSteps, defaults.frameRate, defaults.guidanceScale) == (20, 8, 1))
        #expect(defaults.negativePrompts == [""])
        #expect(try Wan(checkpoint).warmUpSizes == [OutputSize(height: 96, width: 128, frames: 17)])
    }

    @Test func warmsUpWithTheSizesThatTensorRTLLMHas() throws {
        #expect(try Wan(published("wan2.1-t2v-1.3b")).warmUpSizes.count == 4)
        let sizes = [33, 121].map { OutputSize(height: 704, width: 1280, frames: $0) }
        #expect(try Wan(published("wan2.2-ti2v-5b")).warmUpSizes == sizes)
    }
}

/// Checkpoints whose parts do not go together.
@Suite struct WanCheckpointTests {
    private func error(_ model: String, _ change: (TinyCheckpoint) throws -> Void) throws -> String {
        let copy = try TinyCheckpoint(copying: model)
        try change(copy)
        let checkpoint = try CheckpointFolder(copy.path)
        return "\(try #require(throws: (any Error).self) { try Wan(checkpoint).components })"
    }

    @Test func namesAMissingSecondTransformer() throws {
        let gone = try error("wan2.2-tiny-t2v-a14b") { try $0.remove("transformer_2") }
        #expect(gone.hasSuffix("lacks the component transformer_2"))
        let unnamed = try error("wan2.2-tiny-t2v-a14b") {
            try $0.editJSON("model_index.json") { $0["transformer_2"] = [NSNull(), NSNull()] }
        }
        #expect(unnamed.hasSuffix("lacks the component transformer_2"))
    }

    @Test func namesAMissingOrImpossibleBoundary() throws {
        let missing = try error("wan2.2-tiny-t2v-a14b") {
            try $0.editJSON("model_index.json") { $0["boundary_ratio"] = NSNull() }
        }
        #expect(missing.contains("model_index.json asks for a transformer_2 without a boundary_ratio"))
        let impossible = try error("wan2.2-tiny-t2v-a14b") {
            try $0.editJSON("model_index.json") { $0["boundary_ratio"] = 875 }
        }
        #expect(impossible.contains("model_index.json has 875.0 for boundary_ratio"))
    }

    @Test func namesChannelsThatThePipelineDoesNotGive() throws {
        let found = try error("wan2.1-tiny-i2v") {
            try $0.editJSON("model_index.json") { $0["_class_name"] = "WanPipeline" }
        }
        #expect(found.contains("transformer/config.json has 36 instead of 16 for in_channels"))
    }

    @Test func readsACheckpointWhoseIndexNamesNoSecondTransformer() throws {
        let copy = try TinyCheckpoint(copying: "wan2.2-tiny-ti2v-5b")
        try copy.editJSON("model_index.json") { $0["transformer_2"] = nil }
        let names = try Wan(CheckpointFolder(copy.path)).components.map(\.name)
        #expect(names == ["text_encoder", "transformer", "vae"])
    }
}
