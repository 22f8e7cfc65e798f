import Diffusion
import Layers
import Models
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct QwenImagePipelineTests {
    /// Tensors of a golden that no trace holds: the schedule has tests of its own.
    private static let untraced: Set = ["timesteps", "sigmas"]

    /// Of several images of several prompts the reference gives some the mask of another prompt.
    @Test(
        arguments: Golden.qwenImageCases.filter { $0 != "guided-batch-images" }.map { ("qwen-image", $0) }
            + Golden.qwenImageEditCases.map { ("qwen-image-edit", $0) })
    func agreesWithTheReferenceAtEveryStage(_ folder: String, _ request: String) throws {
        let golden = try Golden("\(folder)/\(request)")
        let floors = try Floors(folder)
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

    /// Texts of different lengths do not reach into each other's images, however many there are of each.
    @Test func makesEachImageOfABatchAsIfAlone() throws {
        let asked = try Golden("qwen-image/guided-batch-images").request()
        let model = TinyModel(asked.model)
        let request = try GenerationRequest(asked)
        let together = try #require(model.run(request).1["decoded"])
        for (index, seed) in request.seeds.enumerated() {
            var one = request
            (one.prompts, one.negativePrompts) = ([request.prompts[index / 2]], [request.negativePrompts[index / 2]])
            (one.numImagesPerPrompt, one.seeds) = (1, [seed])
            let alone = try #require(model.run(one).1["decoded"])
            let share = Array(together.values[index * alone.values.count..<(index + 1) * alone.values.count])
            let distance = Distance(
                "decoded", of: share.map(Double.init), shape: alone.shape, to: alone.values.map(Double.init),
                shape: alone.shape)
            #expect(distance <= 2e-4)
        }
    }

    @Test(
        arguments: ["plain", "guided", "batch"].map { ("qwen-image", $0) }
            + ["two", "zero-two-guided"].map { ("qwen-image-edit", $0) })
    func isNoFurtherFromFloat32ThanTheReference(_ folder: String, _ name: String) throws {
        try BFloat16Golden(name, in: folder, run: "own_noise").expectNoFurther()
    }
}
