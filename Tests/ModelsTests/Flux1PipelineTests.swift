import Diffusion
import Models
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct Flux1PipelineTests {
    /// Tensors of a golden that no trace holds: the schedule, which the scheduler's own tests compare.
    private static let untraced: Set = ["timesteps", "sigmas"]

    @Test(arguments: Golden.flux1Cases)
    func agreesWithTheReferenceAtEveryStage(_ request: String) throws {
        let golden = try Golden("flux1/\(request)")
        let floors = try Floors()
        let asked = try golden.request()
        let (pixels, trace) = try TinyModel(asked.model).run(try GenerationRequest(asked))
        #expect(Set(golden.names).subtracting(Self.untraced) == Set(trace.keys))
        for name in golden.names where !Self.untraced.contains(name) {
            let entry = try #require(trace[name])
            let distance = try entry.distance(to: golden.tensor(name))
            #expect(distance <= floors.limit(name, of: request))
        }
        let shape = pixels.shape
        #expect(try [shape.count, shape.height, shape.width, 3] == golden.tensor("output").shape)
    }

    @Test(arguments: TinyCheckpoint.models) func givesTheSameAgain(_ model: String) throws {
        #expect(try TinyModel(model).image() == TinyModel(model).image())
    }

    /// What the golden cases are worth: prompt, seed and guidance must move the image visibly.
    @Test func dependsOnEverythingAskedFor() throws {
        var request = GenerationRequest(prompts: ["a lake"])
        (request.height, request.width, request.numInferenceSteps, request.seeds) = (32, 32, 2, [1])
        request.maxSequenceLength = 16
        let changes: [(String, (inout GenerationRequest) -> Void)] = [
            ("prompt", { $0.prompts = ["a dog"] }), ("seed", { $0.seeds = [2] }),
            ("guidance", { $0.guidanceScale = 1 }), ("steps", { $0.numInferenceSteps = 3 }),
            ("length", { $0.maxSequenceLength = 24 }), ("second prompt", { $0.extra["prompt_2"] = .text("a dog") }),
            ("sigmas", { $0.extra["sigmas"] = .list([.number(1), .number(0.3)]) }),
        ]
        let image = try TinyModel().run(request).0
        for (name, change) in changes {
            var changed = request
            change(&changed)
            let other = try TinyModel().run(changed).0
            let moved = zip(image.bytes, other.bytes).map { abs(Int($0) - Int($1)) }.max() ?? 0
            #expect(moved > 3, "\(name)")
        }
    }

    /// An image of a batch is the image alone, if it has its own seed.
    @Test func makesEachImageOfABatchAsIfAlone() throws {
        var request = GenerationRequest(prompts: ["a lake", "a dog"])
        (request.height, request.width, request.numInferenceSteps) = (32, 32, 2)
        (request.seeds, request.maxSequenceLength) = ([3, 4], 16)
        let both = try TinyModel().run(request).1
        for index in 0..<2 {
            var one = request
            (one.prompts, one.seeds) = ([request.prompts[index]], [request.seeds[index]])
            let alone = try #require(TinyModel().run(one).1["decoded"])
            let batch = try #require(both["decoded"])
            let share = Array(batch.values[index * alone.values.count..<(index + 1) * alone.values.count])
            let distance = Distance(
                "decoded", of: share.map(Double.init), shape: alone.shape, to: alone.values.map(Double.init),
                shape: alone.shape)
            #expect(distance <= 5e-5)
        }
    }
}

@DeviceActor @Suite struct Flux1BFloat16Tests {
    @Test(arguments: ["dev", "dev-true-cfg", "schnell"])
    func isNoFurtherFromFloat32ThanTheReference(_ name: String) throws {
        try BFloat16Golden(name, in: "flux1", run: "own_noise").expectNoFurther()
    }

    @Test func computesInFloat16() throws {
        let golden = try Golden("flux1/dev")
        let trace = try TinyModel().run(try GenerationRequest(golden.request()), dtype: .float16).1
        let distance = try #require(trace["decoded"]).distance(to: golden.tensor("decoded"))
        #expect(distance <= 0.1)
        #expect(distance > 1e-5)
    }
}
