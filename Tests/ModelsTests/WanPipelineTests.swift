import Diffusion
import Foundation
import Models
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct WanPipelineTests {
    /// Tensors of a golden that no trace holds: the schedule, which the scheduler's own tests compare.
    private static let untraced: Set = ["timesteps", "sigmas"]

    /// The model of a golden, with the golden's scheduler in place of its own.
    private func withModel<Result>(of golden: Golden, _ body: (TinyModel) throws -> Result) throws -> Result {
        let asked = try golden.request()
        guard var scheduler = try golden.scheduler() else { return try body(TinyModel(asked.model)) }
        let copy = try TinyCheckpoint(copying: asked.model)
        let name = try #require(scheduler.removeValue(forKey: "_class_name") as? String)
        try copy.editJSON("model_index.json") { $0["scheduler"] = ["diffusers", name] }
        try copy.editJSON("scheduler/scheduler_config.json") { $0 = scheduler }
        return try body(TinyModel(copy))
    }

    @Test(arguments: Golden.wanCases) func agreesWithTheReferenceAtEveryStage(_ name: String) throws {
        let golden = try Golden("wan/pipelines/\(name)")
        let request = try GenerationRequest(golden.request())
        let (pixels, trace) = try withModel(of: golden) { try $0.run(request) }
        #expect(Set(golden.names).subtracting(Self.untraced) == Set(trace.keys))
        let isSameProcessor = golden.cpuCapability == ThreadSettings.cpuCapability
        for name in golden.names where !Self.untraced.contains(name) {
            let entry = try #require(trace[name])
            let distance = try entry.distance(to: golden.tensor(name))
            #expect(distance <= Self.limit(name, isSameProcessor))
        }
        let (shape, output) = (pixels.shape, try golden.tensor("output"))
        #expect([shape.count, shape.frames ?? 0, shape.height, shape.width, 3] == output.shape)
    }

    /// Bit for bit where both compute alike; else what rounding makes of it, with a margin.
    private static func limit(_ name: String, _ isSameProcessor: Bool) -> Double {
        switch name {
        case "noise", "latents.initial": isSameProcessor ? 0 : 2e-6
        // One byte of 255 may be rounded to the other side.
        case "image", "last_image": 1e-6
        case _ where name.hasPrefix("input_ids"): 0
        // Guidance multiplies what rounding makes of either prediction.
        case _ where name.hasPrefix("noise_pred"): 1e-4
        // Relative to 255, not to the value: one level.
        case "output": 1
        default: 5e-5
        }
    }

    /// What the golden cases are worth: everything asked for must move the video visibly.
    @Test func dependsOnEverythingAskedFor() throws {
        var request = GenerationRequest(prompts: ["a lake"])
        (request.height, request.width, request.numFrames) = (16, 16, 5)
        (request.numInferenceSteps, request.seeds, request.maxSequenceLength) = (4, [1], 16)
        request.images = [try RequestImage(golden: "first.png")]
        let changes: [(String, (inout GenerationRequest) throws -> Void)] = [
            ("prompt", { $0.prompts = ["a dog"] }), ("seed", { $0.seeds = [2] }),
            ("negative prompt", { $0.negativePrompts = ["a dog"] }), ("guidance", { $0.guidanceScale = 1 }),
            ("second guidance", { $0.extra["guidance_scale_2"] = .number(1) }),
            ("boundary", { $0.extra["boundary_ratio"] = .number(0.5) }), ("steps", { $0.numInferenceSteps = 5 }),
            ("length", { $0.maxSequenceLength = 24 }),
            ("image", { $0.images = [try RequestImage(golden: "last.png")] }),
            ("last image", { $0.lastImage = try RequestImage(golden: "last.png") }),
        ]
        let model = TinyModel("wan2.2-tiny-i2v-a14b")
        let video = try model.run(request).0
        for (name, change) in changes {
            var changed = request
            try change(&changed)
            let other = try model.run(changed).0
            let moved = zip(video.bytes, other.bytes).map { abs(Int($0) - Int($1)) }.max() ?? 0
            #expect(moved > 3, "\(name)")
        }
    }

    /// A video of a batch is the video alone, if it has its own seed.
    @Test func makesEachVideoOfABatchAsIfAlone() throws {
        var request = GenerationRequest(prompts: ["a lake", "a dog and a cat"])
        (request.height, request.width, request.numFrames) = (16, 32, 5)
        (request.numInferenceSteps, request.seeds, request.maxSequenceLength) = (2, [3, 4], 16)
        let model = TinyModel("wan2.1-tiny-t2v")
        let both = try #require(model.run(request).1["decoded"])
        for index in 0..<2 {
            var one = request
            (one.prompts, one.seeds) = ([request.prompts[index]], [request.seeds[index]])
            let alone = try #require(model.run(one).1["decoded"])
            let share = both.values[index * alone.values.count..<(index + 1) * alone.values.count]
            let distance = Distance(
                "decoded", of: share.map(Double.init), shape: alone.shape, to: alone.values.map(Double.init),
                shape: alone.shape)
            #expect(distance <= 5e-5)
        }
    }

    @Test func decodesInTilesWhereAsked() throws {
        var request = GenerationRequest(prompts: ["a lake"])
        (request.height, request.width, request.numFrames) = (272, 288, 5)
        (request.numInferenceSteps, request.seeds, request.maxSequenceLength) = (1, [3], 16)
        let model = TinyModel("wan2.1-tiny-t2v")
        let whole = try model.run(request).0
        request.extra["vae_tiling"] = .bool(true)
        let tiled = try model.run(request).0
        #expect(whole.shape == tiled.shape)
        #expect(whole != tiled)
    }
}

@DeviceActor @Suite struct WanBFloat16Tests {
    nonisolated private static let cases = ["t2v", "t2v-a14b", "i2v", "i2v-a14b-last", "flf2v", "ti2v", "ti2v-image"]

    /// The reference with its autoencoder in 32 bits, as its own examples have it, and as it is here.
    @Test(arguments: cases) func isNoFurtherFromFloat32ThanTheReference(_ name: String) throws {
        try BFloat16Golden(name, in: "wan/pipelines", run: "float32_vae").expectNoFurther()
    }
}
