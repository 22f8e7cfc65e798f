import Diffusion
import Layers
import Models
import Synchronization
import Tensors
import TestKit
import Testing

/// What images and videos look like on their way.
@DeviceActor @Suite struct PreviewTests {
    /// What a request makes, and what it showed before.
    private func generate(
        _ model: String, steps: Int, previews: Int, frames: Int? = nil, image: String? = nil
    ) throws -> (pixels: PixelBatch, shown: [PixelBatch]) {
        let model = try Catalog.model(CheckpointFolder(TinyCheckpoint.path(of: model)))
        var request = GenerationRequest(prompts: ["a lake", "a dog"])
        (request.height, request.width, request.numInferenceSteps) = (32, 32, steps)
        (request.seeds, request.maxSequenceLength, request.numFrames) = ([1, 2], 16, frames)
        request.images = try image.map { [try RequestImage(golden: $0)] } ?? []
        request.previews = previews
        let pipeline = try model.load(PipelineOptions())
        let shown = Mutex<[PixelBatch]>([])
        let collector = OutputCollector()
        _ = try pipeline.generate(
            model.resolve(request),
            observe: { progress in
                if case .preview(let pixels) = progress { shown.withLock { $0.append(pixels) } }
            }, trace: nil, deliver: collector.add)
        return (try #require(collector.pixels), shown.withLock { $0 })
    }

    /// The first step shows what a run of one step makes.
    @Test(arguments: [("flux1-tiny-schnell", Int?.none), ("wan2.1-tiny-t2v", 1)])
    func showsTheImageIfAStepWereTheLast(_ model: String, _ frames: Int?) throws {
        let shown = try generate(model, steps: 2, previews: 1, frames: frames).shown
        let whole = try generate(model, steps: 1, previews: 0, frames: frames).pixels
        #expect(shown.count == 1)
        let differences = zip(try #require(shown.first).bytes, whole.bytes).map { abs(Int($0) - Int($1)) }
        #expect(differences.count == whole.bytes.count)
        #expect(differences.max() ?? 255 <= 1)
    }

    /// Looking on changes nothing, and of videos one frame is shown.
    @Test(arguments: [
        ("wan2.1-tiny-t2v", String?.none), ("wan2.2-tiny-i2v-a14b", "first.png"), ("wan2.2-tiny-ti2v-5b", "first.png"),
    ])
    func showsAFrameOfEachVideo(_ model: String, _ image: String?) throws {
        let quiet = try generate(model, steps: 4, previews: 0, frames: 9, image: image)
        let shown = try generate(model, steps: 4, previews: 3, frames: 9, image: image)
        #expect(quiet.shown.isEmpty)
        #expect(quiet.pixels == shown.pixels)
        #expect(shown.shown.count == 3)
        for pixels in shown.shown {
            #expect(pixels.shape == PixelShape(count: 2, height: quiet.pixels.height, width: quiet.pixels.width))
        }
        #expect(shown.shown[0] != shown.shown[2])
    }
}
