import Diffusion
import Foundation
import Layers
import Models
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct LTX2PipelineTests {
    /// Whether no trace holds a tensor of a golden: the schedules have tests of their own.
    private static func isUntraced(_ name: String) -> Bool { name.hasSuffix("timesteps") || name.hasSuffix("sigmas") }

    /// The model of a golden, with the golden's changes of the scheduler, and its upsampler.
    private func withModel<Result>(of golden: Golden, _ body: (TinyModel) throws -> Result) throws -> Result {
        let asked = try golden.request()
        guard let changes = try golden.scheduler(), !changes.isEmpty else {
            var model = TinyModel(asked.model)
            model.pipelineConfig["spatial_upsampler_path"] = asked.upsampler.map { .text(TinyCheckpoint.path(of: $0)) }
            return try body(model)
        }
        let copy = try TinyCheckpoint(copying: asked.model)
        try copy.editJSON("scheduler/scheduler_config.json") { $0.merge(changes) { _, new in new } }
        return try body(TinyModel(copy))
    }

    @Test(arguments: Golden.ltx2Cases) func agreesWithTheReferenceAtEveryStage(_ name: String) throws {
        let golden = try Golden("ltx2/pipelines/\(name)")
        let floors = try Floors("ltx2/pipelines")
        let request = try GenerationRequest(golden.request())
        let (pixels, trace) = try withModel(of: golden) { try $0.run(request) }
        let names = golden.names.filter { !Self.isUntraced($0) }
        func stage(_ key: String) -> String { key == "decoded.rows" ? "decoded" : key }
        #expect(Set(names.map(stage)) == Set(trace.keys))
        for key in names {
            let entry = try #require(trace[stage(key)])
            let distance = try entry.distance(to: golden.tensor(key))
            // With an image they are not noise alone.
            let limit = key.hasSuffix("latents.initial") ? 5e-5 : floors.limit(key, of: name)
            #expect(distance <= limit)
        }
        let shape = pixels.shape
        #expect(
            try [shape.count, shape.frames ?? 0, shape.height, shape.width, 3] == golden.tensor("output").shape)
    }

    @Test func isNoFurtherFromFloat32ThanTheReference() throws {
        var family = BFloat16Family()
        for name in ["t2v", "i2v", "2.3", "2.3-i2v-batch"] {
            family.add(try BFloat16Golden(name, in: "ltx2/pipelines", run: "all").shares())
        }
        try family.expectNoFurther()
    }

    /// What the golden cases are worth: all that is asked for must move the video visibly.
    @Test func dependsOnEverythingAskedFor() throws {
        var request = GenerationRequest(prompts: ["a lake"])
        (request.height, request.width, request.numFrames, request.frameRate) = (32, 64, 9, 50)
        (request.numInferenceSteps, request.seeds, request.maxSequenceLength) = (3, [1], 16)
        request.images = [try RequestImage(golden: "first.png")]
        request.extra["spatio_temporal_guidance_blocks"] = .list([.number(1)])
        let changes: [(String, (inout GenerationRequest) throws -> Void)] = [
            ("prompt", { $0.prompts = ["a dog"] }), ("seed", { $0.seeds = [2] }),
            ("negative prompt", { $0.negativePrompts = ["a dog"] }), ("guidance", { $0.guidanceScale = 1 }),
            ("guidance of the sound", { $0.extra["audio_guidance_scale"] = .number(30) }),
            ("perturbation", { $0.extra["stg_scale"] = .number(3) }),
            ("perturbed blocks", { $0.extra["stg_blocks"] = .list([.number(0)]) }),
            ("modality", { $0.extra["modality_scale"] = .number(1) }),
            ("rescaling", { $0.extra["rescale_scale"] = .number(0) }),
            ("skipped guidance", { $0.extra["guidance_skip_step"] = .number(1) }),
            ("steps", { $0.numInferenceSteps = 4 }), ("length", { $0.maxSequenceLength = 32 }),
            ("sigmas", { $0.extra["sigmas"] = .list([.number(1), .number(0.3)]) }),
            ("frame rate", { $0.frameRate = 25 }), ("speed", { $0.extra["motion_speed"] = .number(0.5) }),
            ("cross timestep", { $0.extra["use_cross_timestep"] = .bool(false) }),
            ("image", { $0.images = [try RequestImage(golden: "last.png")] }), ("no image", { $0.images = [] }),
            ("strength of the image", { $0.extra["image_cond_strength"] = .number(0.5) }),
        ]
        let model = TinyModel("ltx2.3-tiny")
        let video = try model.run(request).0
        for (name, change) in changes {
            var changed = request
            try change(&changed)
            if name == "perturbed blocks" { changed.extra["spatio_temporal_guidance_blocks"] = nil }
            let other = try model.run(changed).0
            let moved = zip(video.bytes, other.bytes).map { abs(Int($0) - Int($1)) }.max() ?? 0
            #expect(moved > 1, "\(name)")
        }
    }

    /// In both stages: without any strength one image is as good as another.
    @Test func imagesWithoutStrengthChangeNothing() throws {
        var request = GenerationRequest(prompts: ["a lake"])
        (request.height, request.width, request.numFrames, request.frameRate) = (64, 64, 9, 50)
        (request.numInferenceSteps, request.seeds, request.maxSequenceLength) = (2, [1], 16)
        (request.guidanceScale, request.extra["stg_scale"], request.extra["modality_scale"]) = (
            1, .number(0), .number(1)
        )
        var model = TinyModel("ltx2.3-tiny")
        model.pipelineConfig["spatial_upsampler_path"] = .text(TinyCheckpoint.path(of: "ltx2.3-tiny-upsampler"))
        func video(_ image: String, _ strength: Double?) throws -> [String: Trace.Entry] {
            var request = request
            request.images = [try RequestImage(golden: image)]
            request.extra["image_cond_strength"] = strength.map(ParameterValue.number)
            return try model.run(request).1
        }
        let free = try video("first.png", 0)
        #expect(try video("last.png", 0)["decoded"]?.values == free["decoded"]?.values)
        let (half, whole, standard) = try (video("first.png", 0.5), video("first.png", 1), video("first.png", nil))
        #expect(whole["decoded"]?.values == standard["decoded"]?.values)
        for key in ["latents.step1", "stage_2.latents.step2"] {
            #expect(half[key]?.values != free[key]?.values && half[key]?.values != whole[key]?.values, "\(key)")
        }
        // What each stage begins with lies between what it begins with at either end.
        let (a, b, c) = (free["latents.initial"], half["latents.initial"], whole["latents.initial"])
        let values = try zip(#require(a?.values), #require(c?.values)).map { ($0 + $1) / 2 }
        #expect(zip(values, try #require(b?.values)).allSatisfy { abs($0 - $1) < 1e-6 })
    }

    /// A LoRA of the second stage changes that one alone; one that adds nothing changes nothing.
    @Test(arguments: [Float(0), 0.2]) func takesAnotherDenoiserInTheSecondStage(_ size: Float) throws {
        let folder = try TemporaryFolder()
        let numbers = (0..<80).map { size * Float($0 % 7 - 3) }
        try SafetensorsWriter.write(
            [
                .init(
                    name: "diffusion_model.transformer_blocks.0.attn1.to_q.lora_A.weight", shape: [2, 40],
                    floats: numbers),
                .init(
                    name: "diffusion_model.transformer_blocks.0.attn1.to_q.lora_B.weight", shape: [40, 2],
                    floats: numbers),
            ], to: folder.file("lora.safetensors"))
        var request = GenerationRequest(prompts: ["a lake"])
        (request.height, request.width, request.numFrames, request.frameRate) = (64, 64, 1, 8)
        (request.numInferenceSteps, request.seeds, request.maxSequenceLength) = (2, [1], 16)
        (request.guidanceScale, request.extra["stg_scale"], request.extra["modality_scale"]) = (
            1, .number(0), .number(1)
        )
        var model = TinyModel("ltx2.3-tiny")
        model.pipelineConfig["spatial_upsampler_path"] = .text(TinyCheckpoint.path(of: "ltx2.3-tiny-upsampler"))
        let plain = try model.run(request).1
        model.pipelineConfig["distilled_lora_path"] = .text(folder.file("lora.safetensors"))
        let changed = try model.run(request).1
        #expect(Set(plain.keys) == Set(changed.keys))
        #expect(plain["latents.step1"]?.values == changed["latents.step1"]?.values)
        let isSame = plain["stage_2.latents.step0"]?.values == changed["stage_2.latents.step0"]?.values
        #expect(isSame == (size == 0))
    }

    @Test func leavesTheSoundOutWhereAsked() throws {
        var request = GenerationRequest(prompts: ["a lake"])
        (request.height, request.width, request.numFrames, request.frameRate) = (64, 64, 1, 8)
        (request.numInferenceSteps, request.seeds, request.maxSequenceLength) = (2, [1], 16)
        let model = TinyModel("ltx2-tiny")
        let with = try model.run(request)
        request.extra["enable_audio"] = .bool(false)
        let without = try model.run(request)
        #expect(with.0 == without.0)
        #expect(with.1["audio"] != nil && without.1["audio"] == nil)
    }

    /// A video of a batch is the video alone, if it has its own seed.
    @Test func makesEachVideoOfABatchAsIfAlone() throws {
        var request = GenerationRequest(prompts: ["a lake", "a dog and a cat"])
        (request.height, request.width, request.numFrames, request.frameRate) = (32, 64, 9, 50)
        (request.numInferenceSteps, request.seeds, request.maxSequenceLength) = (2, [3, 4], 16)
        request.extra["spatio_temporal_guidance_blocks"] = .list([.number(1)])
        let model = TinyModel("ltx2.3-tiny")
        let both = try model.run(request).1
        for index in 0..<2 {
            var one = request
            (one.prompts, one.seeds) = ([request.prompts[index]], [request.seeds[index]])
            let own = try model.run(one).1
            for key in ["decoded", "audio"] {
                let (all, alone) = (try #require(both[key]), try #require(own[key]))
                let share = all.values[index * alone.values.count..<(index + 1) * alone.values.count]
                let distance = Distance(
                    key, of: share.map(Double.init), shape: alone.shape, to: alone.values.map(Double.init),
                    shape: alone.shape)
                #expect(distance <= 5e-5)
            }
        }
    }
}

@Suite struct LTX2RequestTests {
    private func model(_ name: String = "ltx2-tiny") throws -> LTX2 {
        try LTX2(CheckpointFolder(TinyCheckpoint.path(of: name)))
    }

    private func problems(_ model: LTX2, _ change: (inout GenerationRequest) -> Void) -> String {
        var request = GenerationRequest(prompts: ["a cat"])
        request.maxSequenceLength = 32
        change(&request)
        do {
            _ = try model.resolve(request)
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test func choosesWhatEitherVersionWasPublishedWith() throws {
        let (old, new) = (try model().defaults, try model("ltx2.3-tiny").defaults)
        #expect(old.guidanceScale == 4 && old.numInferenceSteps == 40)
        #expect(old.extra["stg_scale"] == .number(0) && old.extra["modality_scale"] == .number(1))
        #expect(new.guidanceScale == 3 && new.numInferenceSteps == 30)
        #expect(new.extra["stg_scale"] == .number(1) && new.extra["guidance_rescale"] == .number(0.7))
    }

    @Test func roundsSizesToWhatTheModelMakes() throws {
        var request = GenerationRequest(prompts: ["a cat"])
        (request.height, request.width, request.numFrames) = (100, 130, 24)
        let resolved = try model().resolve(request)
        #expect([resolved.height, resolved.width, resolved.numFrames] == [96, 128, 17])
    }

    @Test func refusesWhatCannotBeMadeInOneSentence() throws {
        let model = try model()
        #expect(problems(model) { _ in } == "")
        let expected: [(String, (inout GenerationRequest) -> Void)] = [
            ("max_sequence_length", { $0.maxSequenceLength = 24 }),
            ("height", { $0.height = 32 }),
            ("spatio_temporal_guidance_blocks", { $0.extra["stg_scale"] = .number(1) }),
            ("spatio_temporal_guidance_blocks", { $0.extra["stg_blocks"] = .list([.number(2)]) }),
            ("spatio_temporal_guidance_blocks", { $0.extra["stg_blocks"] = .list([.number(0.5)]) }),
            ("guidance_skip_step", { $0.extra["guidance_skip_step"] = .number(0.5) }),
            ("frame_rate", { ($0.numFrames, $0.frameRate) = (1, 60) }),
            (
                "last_image",
                {
                    $0.lastImage = RequestImage(
                        name: "a.png", pixels: PixelBatch(count: 1, height: 1, width: 1, bytes: [0, 0, 0]))
                }
            ),
            (
                "rescale_scale",
                {
                    ($0.extra["rescale_scale"], $0.extra["guidance_rescale"]) = (.number(0.5), .number(0.7))
                }
            ),
        ]
        for (field, change) in expected {
            let found = problems(model, change)
            #expect(found.contains(field), "\(field): \(found)")
        }
    }

    @Test func refusesStagesThatDoNotFit() throws {
        func model(_ config: [String: String]) throws -> LTX2 {
            try LTX2(
                CheckpointFolder(
                    TinyCheckpoint.path(of: "ltx2-tiny"), pipelineConfig: config.mapValues(ParameterValue.text)))
        }
        let upsampler = TinyCheckpoint.path(of: "ltx2-tiny-upsampler")
        for (config, sentence) in [
            (
                ["distilled_lora_path": "a"],
                "distilled_lora_path counts only with pipeline_config.spatial_upsampler_path"
            ),
            (
                ["spatial_upsampler_path": "/nowhere"],
                "spatial_upsampler_path is /nowhere, which is no latent upsampler"
            ),
        ] {
            #expect { try model(config) } throws: { "\($0)".contains(sentence) }
        }
        let large = try model(["spatial_upsampler_path": upsampler])
        #expect(problems(large) { $0.height = 96 }.contains("height"))
        #expect(problems(large) { ($0.height, $0.width) = (128, 128) } == "")
        #expect(
            try problems(self.model()) { $0.extra["stage_2_sigmas"] = .list([.number(0.5)]) }.contains("stage_2_sigmas")
        )
        #expect(large.defaults.extra["stage_2_sigmas"] != nil)
    }

    @Test func tellsWhatChangesNothing() throws {
        var request = GenerationRequest(prompts: ["a cat"])
        request.negativePrompts = ["a dog"]
        request.guidanceScale = 1
        request.extra["stg_scale"] = .number(1)
        request.extra["stg_blocks"] = .list([.number(0)])
        let model = try model()
        let notes = try model.notes(on: request, resolved: model.resolve(request)).map(\.field)
        #expect(Set(notes) == ["negative_prompt", "stg_scale", "stg_blocks"])
    }
}
