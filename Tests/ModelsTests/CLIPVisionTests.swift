import Diffusion
import Layers
import Models
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct CLIPVisionTests {
    private let checkpoint = TinyModel("wan-tiny-image")
    private let golden: Golden

    init() throws { golden = try Golden("wan/image") }

    @Test(arguments: ["gelu", "quick_gelu"]) func agreesWithTheReference(_ activation: String) throws {
        let model = try checkpoint.module(activation, CLIPVisionModel.init)
        let states = try model(golden.tensor("vision.\(activation).input").onDevice())
        #expect(try states.distance(to: golden.tensor("vision.\(activation).output")) <= 5e-5)
    }

    @Test func encodesEachImageAsIfAlone() throws {
        let model = try checkpoint.module("gelu", CLIPVisionModel.init)
        let pixels = try golden.tensor("vision.gelu.input").onDevice()
        let states = try model(pixels)
        for row in 0..<2 {
            let alone = try model(pixels.slice(row..<row + 1, axis: 0))
            #expect(try states.slice(row..<row + 1, axis: 0).distance(to: alone) <= 1e-5)
        }
    }

    /// Of one layer nothing is left but the first norm.
    @Test func stopsBeforeTheLastLayer() throws {
        let weights = try checkpoint.weights("gelu")
        var config: CLIPVisionConfig = try checkpoint.config("gelu")
        config.numHiddenLayers = 1
        let states = try CLIPVisionModel(weights, config)(golden.tensor("vision.gelu.input").onDevice())
        #expect(try states.distance(to: golden.tensor("vision.gelu.first")) <= 1e-5)
    }

    @Test(arguments: ["upright", "lying", "enlarged", "square", "fixed", "margin", "plain"])
    func preparesImagesAsTheReferenceDoes(_ name: String) throws {
        let path = "\(checkpoint.path)/processor-\(name).json"
        let processor = CLIPImageProcessor(try CLIPImageProcessorConfig.read(path).0)
        let input = try golden.tensor("processor.\(name).input")
        let image = PixelBatch(count: 1, height: input.shape[0], width: input.shape[1], bytes: input.bytes)
        #expect(try processor(image).distance(to: golden.tensor("processor.\(name)")) <= 2e-7)
    }

    @Test func preparesEachImageOfABatchAsIfAlone() throws {
        let input = try golden.tensor("processor.lying.input")
        let bytes = input.bytes
        let batch = PixelBatch(count: 2, height: 33, width: 61, bytes: bytes + bytes.reversed())
        let processor = CLIPImageProcessor(CLIPImageProcessorConfig())
        let values = try processor(batch)
        #expect(values.shape == [2, 3, 224, 224])
        let second = try processor(PixelBatch(count: 1, height: 33, width: 61, bytes: bytes.reversed()))
        #expect(try values.slice(1..<2, axis: 0).distance(to: second) == 0)
    }

    /// Whole they would be 3.7 million pixels long.
    @Test(arguments: [(1, 16_384), (16_384, 1)]) func preparesNarrowImages(_ height: Int, _ width: Int) throws {
        let image = PixelBatch(
            count: 1, height: height, width: width, bytes: [UInt8](repeating: 255, count: 3 * 16_384))
        let values = try CLIPImageProcessor(CLIPImageProcessorConfig())(image)
        #expect(values.shape == [1, 3, 224, 224])
        let white = try CLIPImageProcessor(CLIPImageProcessorConfig())(
            PixelBatch(count: 1, height: 1, width: 1, bytes: [255, 255, 255]))
        #expect(try values.distance(to: white) == 0)

        var uncropped = CLIPImageProcessorConfig()
        uncropped.doCenterCrop = false
        let error = #expect(throws: InvalidRequest.self) {
            try CLIPImageProcessor(uncropped)(image, of: "last_image")
        }
        let reason = "last_image is of \(width)×\(height) pixels; it must be less narrow"
        #expect(error?.description.hasPrefix(reason) == true)
    }

    @Test(arguments: [
        (#"{"resample": 0}"#, "has 0 for resample"),
        (#"{"size": {"longest_edge": 224}}"#, "asks for a size without shortest_edge, height and width"),
        (#"{"crop_size": {"shortest_edge": 3}}"#, "asks for a crop_size without height and width"),
        (#"{"size": {"shortest_edge": 0}}"#, "has 0 for size"),
        (#"{"image_std": [1, 0, 1]}"#, "asks for image_mean and image_std that are not three numbers each"),
        (#"{"do_pad": true}"#, "has a key unknown to this build: \"do_pad\""),
    ])
    func refusesAConfigThatItCannotHonour(_ text: String, _ reason: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(text, to: "preprocessor_config.json")
        let error = #expect(throws: ConfigError.self) { try CLIPImageProcessorConfig.read(path) }
        #expect(error?.description.hasPrefix("\(path) \(reason)") == true)
    }
}
