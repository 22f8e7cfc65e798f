import Diffusion
import Foundation
import Layers
import Models
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct Cosmos3PipelineTests {
    /// Whether no trace holds a tensor of a golden: schedules have tests of their own, and what is drawn between steps is seen in
    /// their latents.
    private static func isUntraced(_ name: String) -> Bool {
        name == "timesteps" || name == "sigmas" || name.hasPrefix("noise.step")
    }

    @Test(arguments: Golden.cosmos3Cases) func agreesWithTheReferenceAtEveryStage(_ name: String) throws {
        let golden = try Golden("cosmos3/pipelines/\(name)")
        let floors = try Floors("cosmos3/pipelines")
        let asked = try golden.request()
        let (pixels, trace) = try Cosmos3Model.with(asked.model, scheduler: golden.scheduler() ?? [:]) {
            try $0.run(GenerationRequest(asked))
        }
        // Of distilled models the golden's held frames are those before they are put back.
        let free = asked.model.hasSuffix("distilled") && asked.image != nil
        let ids = golden.names.filter { $0.contains("input_ids.") }
        for key in golden.names where !ids.contains(key) && !Self.isUntraced(key) {
            let expected = try golden.tensor(key)
            let found = try #require(trace[key == "decoded.rows" ? "decoded" : key], "\(key)")
            if free, key.hasPrefix("latents.step") {
                let frames = 1..<expected.shape[2]
                let all = try (Tensor(found.values, shape: found.shape), expected.onDevice())
                let (own, other) = (try all.0.slice(frames, axis: 2), try all.1.slice(frames, axis: 2))
                #expect(try abs(own - other).max() <= 5e-5)
                continue
            }
            // With an image they are not noise alone.
            let limit = key.hasSuffix("latents.initial") ? 5e-5 : floors.limit(key, of: name)
            #expect(found.distance(to: expected) <= limit)
        }
        try expectIDs(of: golden, ids, in: trace)
        let shape = pixels.shape
        #expect(
            try [shape.count, shape.frames ?? 0, shape.height, shape.width, 3] == golden.tensor("output").shape)
    }

    /// Of requests without guidance the negative ones are in the golden alone.
    private func expectIDs(of golden: Golden, _ names: [String], in trace: [String: Trace.Entry]) throws {
        #expect(!names.isEmpty)
        for name in names {
            let parts = name.split(separator: ".")
            guard let entry = trace["\(parts[0]).transformer"] else {
                #expect(parts[0] == "negative_input_ids")
                continue
            }
            // A negative prompt of none is one for all.
            let (width, row) = (entry.shape[1], min(try #require(Int(parts[1])), entry.shape[0] - 1))
            let found = entry.values[row * width..<(row + 1) * width].filter { $0 >= 0 }.map(Double.init)
            #expect(try found == golden.tensor(name).doubles)
        }
    }

    @Test func isNoFurtherFromFloat32ThanTheReference() throws {
        var family = BFloat16Family()
        for name in [
            "t2i", "t2v", "i2v", "t2v-sound", "i2v-sound", "super-t2v", "super-i2v", "super-i2v-batch", "distilled-i2v",
        ] {
            let golden = try Golden("cosmos3/pipelines/\(name)")
            // Of distilled models the golden's held frames are those before they are put back.
            let stage = name.hasPrefix("distilled") ? "latents.step3" : nil
            let reference = try BFloat16Golden(name, in: "cosmos3/pipelines", run: "all")
            let shares = try reference.shares(besides: stage) { asked in
                try Cosmos3Model.with(asked.model, scheduler: golden.scheduler() ?? [:]) {
                    try $0.run(GenerationRequest(asked), dtype: .bfloat16).1
                }
            }
            family.add(shares)
        }
        try family.expectNoFurther()
    }

    private func request() -> GenerationRequest {
        var request = GenerationRequest(prompts: ["a lake"])
        (request.height, request.width, request.numFrames, request.frameRate) = (32, 48, 5, 24)
        (request.numInferenceSteps, request.seeds) = (3, [1])
        return request
    }

    /// What the golden cases are worth: all that is asked for must move the video visibly.
    @Test func dependsOnEverythingAskedFor() throws {
        let changes: [(String, (inout GenerationRequest) throws -> Void)] = [
            ("prompt", { $0.prompts = ["a dog"] }), ("seed", { $0.seeds = [2] }),
            ("negative prompt", { $0.negativePrompts = ["a dog"] }), ("guidance", { $0.guidanceScale = 1 }),
            ("less guidance", { $0.guidanceScale = 0.5 }), ("steps", { $0.numInferenceSteps = 4 }),
            ("frame rate", { $0.frameRate = 25 }), ("sound", { $0.extra["enable_sound"] = .bool(true) }),
            ("duration", { $0.extra["use_duration_template"] = .bool(false) }),
            ("resolution", { $0.extra["add_resolution_template"] = .bool(false) }),
            ("system prompt", { $0.extra["use_system_prompt"] = .bool(false) }),
            ("shift", { $0.extra["flow_shift"] = .number(10) }),
            ("curve", { $0.extra["use_karras_sigmas"] = .bool(false) }),
            ("interval", { $0.extra["guidance_interval"] = .list([.number(500), .number(1000)]) }),
            ("image", { $0.images = [try RequestImage(golden: "last.png")] }),
        ]
        let model = TinyModel("cosmos3-tiny")
        let video = try model.run(request()).0
        for (name, change) in changes {
            var changed = request()
            try change(&changed)
            let other = try model.run(changed).0
            let moved = zip(video.bytes, other.bytes).map { abs(Int($0) - Int($1)) }.max() ?? 0
            #expect(moved > 1, "\(name)")
        }
    }

    /// A video of a batch is the video alone, if it has its own seed; with an image and sound, too.
    @Test func makesEachVideoOfABatchAsIfAlone() throws {
        var asked = request()
        (asked.prompts, asked.seeds, asked.numImagesPerPrompt) = (["a lake", "a dog and a cat"], [3, 4, 5, 6], 2)
        asked.images = [try RequestImage(golden: "first.png")]
        asked.extra["enable_audio"] = .bool(true)
        let model = TinyModel("cosmos3-tiny")
        let all = try model.run(asked).1
        for index in 0..<4 {
            var one = asked
            (one.prompts, one.seeds, one.numImagesPerPrompt) = ([asked.prompts[index / 2]], [asked.seeds[index]], 1)
            let own = try model.run(one).1
            for key in ["decoded", "audio"] {
                let (all, alone) = (try #require(all[key]), try #require(own[key]))
                let share = all.values[index * alone.values.count..<(index + 1) * alone.values.count]
                let distance = Distance(
                    key, of: share.map(Double.init), shape: alone.shape, to: alone.values.map(Double.init),
                    shape: alone.shape)
                #expect(distance <= 1e-4)
            }
        }
    }

    /// The second seed of a prompt begins without the text tower, and so does the same prompt twice in a batch; what the last
    /// request did not have is read again.
    @Test func readsAPromptOnce() throws {
        let model = try TinyModel("cosmos3-tiny").model()
        let pipeline = try model.load(PipelineOptions())
        var attentions: [Int] = []
        for prompts in [["a lake"], ["a lake"], ["a dog"], ["a lake"], ["a lake", "a lake"]] {
            var asked = request()
            asked.prompts = prompts
            asked.seeds = (0..<prompts.count).map { UInt64(attentions.count + $0) }
            let times = try pipeline.generate(
                model.resolve(asked), observe: { _ in }, trace: nil, deliver: { _ in })
            attentions.append(times.kernels.attention.values.reduce(0, +))
        }
        // Those of the tower's layers but the last, of the prompt and of the negative one.
        #expect(attentions.map { $0 - attentions[1] } == [2 * 2, 0, 2, 2, 0])
    }
}
