import Diffusion
import Foundation
import Layers
import Models
import Tensors
import TestKit
import Testing

@Suite struct QwenImageEditSizeTests {
    private struct Sizes: Decodable {
        let width, height: Int
        let textEncoder, autoencoder: [Int]
    }

    @Test func resizesReferencesAsTheReference() throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let path = "\(Golden.folder)/qwen-image-edit/sizes.json"
        let all = try decoder.decode([Sizes].self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        #expect(all.count > 10)
        var request = GenerationRequest(prompts: [])
        request.extra = ["condition_image_size": .number(147_456), "vae_image_size": .number(1_048_576)]
        for sizes in all {
            let found = QwenImage.ReferenceSize(width: sizes.width, height: sizes.height, for: request)
            #expect([found.textEncoder.width, found.textEncoder.height] == sizes.textEncoder)
            #expect([found.autoencoder.width, found.autoencoder.height] == sizes.autoencoder)
        }
    }

    /// Checked against transformers' `smart_resize` with the published limits, and with 3136 to 12544 pixels.
    @Test(arguments: [
        (384, 384, 392, 392), (512, 288, 504, 280), (288, 512, 280, 504), (448, 320, 448, 308), (32, 6400, 28, 6412),
        (14, 14, 56, 56), (1, 1, 56, 56), (42, 70, 56, 56), (4000, 4000, 3584, 3584), (1000, 9, 616, 28),
    ])
    func sizesImagesForTheVisionTowerAsTheReference(_ width: Int, _ height: Int, _ newWidth: Int, _ newHeight: Int) {
        var config = Qwen2VLImageProcessorConfig()
        (config.minPixels, config.maxPixels) = (3136, 12_845_056)
        let size = config.size(width: width, height: height)
        #expect(size == OutputSize(height: newHeight, width: newWidth))
    }

    @Test(arguments: [(512, 288, 140, 84), (32, 6400, 28, 1568), (1000, 9, 616, 28), (4000, 4000, 112, 112)])
    func keepsWithinTheMostPixels(_ width: Int, _ height: Int, _ newWidth: Int, _ newHeight: Int) throws {
        let config = try Qwen2VLImageProcessorConfig.read(
            ["size": ["shortest_edge": 3136, "longest_edge": 12544]], allowingUnknown: false
        ).0
        #expect(config.size(width: width, height: height) == OutputSize(height: newHeight, width: newWidth))
    }

    @Test func refusesNarrowImages() {
        let config = Qwen2VLImageProcessorConfig()
        #expect(config.size(width: 200, height: 1) != nil)
        #expect(config.size(width: 201, height: 1) == nil)
        #expect(config.size(width: 1, height: 201) == nil)
    }
}

@DeviceActor @Suite struct Qwen2VLImageProcessorTests {
    /// The patches of a cell follow each other; a patch has every channel, its frames, then its pixels.
    @Test func laysOutPatches() throws {
        var config = Qwen2VLImageProcessorConfig()
        (config.patchSize, config.doNormalize, config.rescaleFactor) = (1, false, 1)
        let image = PixelBatch(count: 1, height: 2, width: 4, bytes: (0..<24).map { UInt8($0) })
        let cut = try Qwen2VLImageProcessor(config)(image, OutputSize(height: 2, width: 4))
        #expect(cut.grid == VisionGrid(rows: 2, columns: 4, merge: 2))
        #expect(cut.values.shape == [8, 6])
        let firsts = try cut.values.slice(0..<1, axis: 1).floats().map { Int($0) / 3 }
        #expect(firsts == [0, 1, 4, 5, 2, 3, 6, 7])
        #expect(try cut.values.slice(1..<2, axis: 0).floats() == [3, 3, 4, 4, 5, 5])
    }

    /// Sizes and bytes after resizing are Pillow's; what is made of them differs by rounding alone.
    @Test func makesOfImagesWhatTheReferenceMakes() throws {
        let golden = try Golden("qwen2-vl/images")
        let configs = try golden.configs()
        #expect(configs.count > 20)
        for (name, values) in configs {
            let config = try Qwen2VLImageProcessorConfig.read(values, allowingUnknown: true).0
            func pixels(_ part: String) throws -> PixelBatch {
                let tensor = try golden.tensor("\(name).\(part)")
                return PixelBatch(count: 1, height: tensor.shape[0], width: tensor.shape[1], bytes: tensor.bytes)
            }
            let (image, expected) = (try pixels("input"), try pixels("resized"))
            let size = try #require(config.size(width: image.shape.width, height: image.shape.height), "\(name)")
            #expect(size == OutputSize(height: expected.shape.height, width: expected.shape.width), "\(name)")
            let filter = try #require(ResamplingFilter(pillow: config.resample))
            let resized = image.resized(width: size.width, height: size.height, filter: filter)
            #expect(resized.bytes == expected.bytes, "\(name)")
            let patches = try Qwen2VLImageProcessor(config)(image, size)
            let grid = try golden.tensor("\(name).image_grid_thw").doubles.map { Int($0) }
            #expect(grid == [1, patches.grid.rows, patches.grid.columns], "\(name)")
            let values = try golden.tensor("\(name).pixel_values")
            let distance = try patches.values.distance(to: values.onDevice(), name)
            #expect(distance <= 1e-5)
        }
    }

    @Test(arguments: [
        (#"{"do_resize": false}"#, "has false for do_resize"), (#"{"resample": 0}"#, "has 0 for resample"),
        (#"{"size": {"height": 3}}"#, "asks for a size without shortest_edge and longest_edge"),
        (#"{"min_pixels": 10, "max_pixels": 5}"#, "has 10 to 5 pixels for size"),
        (#"{"image_mean": [1]}"#, "asks for image_mean and image_std that are not three numbers each"),
        (#"{"patch_size": 0}"#, "has 0 for patch_size"),
        (#"{"image_processor": {"merge_size": 0}}"#, "has 0 for merge_size"),
    ])
    func refusesAConfigThatItCannotHonour(_ text: String, _ reason: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(text, to: "preprocessor_config.json")
        let error = #expect(throws: ConfigError.self) { try Qwen2VLImageProcessorConfig.read(path) }
        #expect(error?.description.hasPrefix("\(path) \(reason)") == true)
    }
}

@Suite struct QwenImageEditRequestTests {
    private static let tiny = "qwen-image-edit-plus-tiny"

    private func model() throws -> QwenImage {
        try QwenImage(CheckpointFolder(TinyCheckpoint.path(of: Self.tiny)))
    }

    private func image(_ width: Int, _ height: Int) -> RequestImage {
        let bytes = [UInt8](repeating: 0, count: 3 * width * height)
        return RequestImage(
            name: "a.png", pixels: PixelBatch(count: 1, height: height, width: width, bytes: bytes))
    }

    private func problems(_ change: (inout GenerationRequest) -> Void) throws -> String {
        let model = try model()
        var request = GenerationRequest(prompts: ["a cat"])
        request.images = [image(64, 64)]
        request.extra["condition_image_size"] = .number(2304)
        change(&request)
        do {
            _ = try model.resolve(request)
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test func isAsLargeAsTheLastImage() throws {
        let model = try model()
        var request = GenerationRequest(prompts: ["a cat"])
        request.extra["condition_image_size"] = .number(2304)
        request.images = [image(64, 64), image(192, 108)]
        var resolved = try model.resolve(request)
        #expect((resolved.width, resolved.height) == (1376, 768))
        #expect((resolved.numInferenceSteps, resolved.guidanceScale) == (40, 4))
        #expect(resolved.negativePrompts == [" "])
        request.width = 75
        resolved = try model.resolve(request)
        #expect((resolved.width, resolved.height) == (64, 768))
    }

    @Test func refusesWhatTheReferenceFailsAt() throws {
        #expect(try problems { _ in } == "")
        #expect(try problems { $0.images = [image(1, 1)] } == "")
        #expect(try problems { $0.images = [] } == "image is needed")
        for (width, height) in [(1, 4000), (4000, 1), (30, 16_000)] {
            let found = try problems { $0.images = [image(64, 64), image(width, height)] }
            #expect(found == "image is \(width)×\(height) (a.png); it must be less narrow")
        }
        #expect(try problems { $0.prompts = ["a", "b"] }.hasPrefix("prompt is 2 texts; it must be one"))
        #expect(try problems { $0.prompts = ["a <|image_pad|>"] }.hasPrefix("prompt is a text with <|image_pad|>"))
        #expect(try problems { $0.negativePrompts = ["<|image_pad|>"] }.hasPrefix("negative_prompt is a text with"))
        #expect(try problems { $0.lastImage = image(64, 64) }.contains("last_image"))
        #expect(try problems { $0.extra["vae_image_size"] = .number(1) }.hasPrefix("vae_image_size is 1"))
    }

    /// Beyond the places of the tables that the model was trained with.
    @Test func refusesMoreImagesThanThereArePlaces() throws {
        let many = try problems { $0.images = Array(repeating: image(64, 64), count: 200) }
        #expect(many.hasPrefix("image is 200 images of 12800 tokens; it must be fewer: there are places for 4064"))
        #expect(try problems { $0.images = Array(repeating: image(64, 64), count: 20) } == "")
    }

    /// The first Qwen-Image-Edit takes one image, which the text encoder sees as large as the denoiser.
    @Test func takesOneImageWhereTheClassDoes() throws {
        let model = try QwenImage(CheckpointFolder(TinyCheckpoint.path(of: "qwen-image-edit-tiny")))
        var request = GenerationRequest(prompts: ["a cat"])
        request.images = [image(192, 108)]
        request.extra["condition_image_size"] = .number(2304)
        #expect(try model.resolve(request).extra["vae_image_size"] == .number(1_048_576))
        request.images.append(image(64, 64))
        let error = #expect(throws: InvalidRequest.self) { try model.resolve(request) }
        #expect(error?.description == "2 values were given for image; 1 is needed")
        #expect(QwenImage.modelIDs.count == 5)
    }

    /// Text to image has no images to resize.
    @Test func hasNoAreasForTextToImage() throws {
        let model = try QwenImage(CheckpointFolder(TinyCheckpoint.path(of: "qwen-image-tiny")))
        var request = GenerationRequest(prompts: ["a cat"])
        request.extra["vae_image_size"] = .number(4096)
        let error = #expect(throws: InvalidRequest.self) { try model.resolve(request) }
        #expect(error?.description.hasPrefix("Qwen-Image has no parameter vae_image_size") == true)
    }

    @Test(arguments: [
        (#""vision_config": {"#, #""other_config": {"#, "has nothing for vision_config"),
        (#""image_token_id": 528"#, #""image_token_id": -1"#, "has no token for image_token_id"),
        (#""out_hidden_size": 12"#, #""out_hidden_size": 16"#, "has 16 for vision_config.out_hidden_size"),
        (#""window_size": 32"#, #""window_size": 1"#, "has 1 for vision_config.window_size"),
        (#""patch_size": 4"#, #""patch_size": 8"#, "has 4 for patch_size, which does not fit vision_config"),
    ])
    func refusesAConfigThatDoesNotFit(_ old: String, _ new: String, _ reason: String) throws {
        let copy = try TinyCheckpoint(copying: Self.tiny)
        let name = "text_encoder/config.json"
        try copy.replace(name, with: String(contentsOfFile: copy.file(name), encoding: .utf8).replacing(old, with: new))
        let error = #expect(throws: ConfigError.self) { try QwenImage(CheckpointFolder(copy.path)) }
        #expect(error?.description.contains(reason) == true, "\(error.map { "\($0)" } ?? "none")")
    }
}

@DeviceActor @Suite struct QwenImageEditPipelineTests {
    private static let tiny = "qwen-image-edit-plus-tiny"

    private func image(_ name: String) throws -> RequestImage {
        try RequestImage(golden: name, in: "\(Golden.folder)/flux2/pictures")
    }

    private func request() throws -> GenerationRequest {
        var request = GenerationRequest(prompts: ["a red fox"])
        (request.height, request.width, request.numInferenceSteps, request.seeds) = (32, 32, 2, [1])
        request.images = [try image("even.png")]
        request.extra["condition_image_size"] = .number(2304)
        request.extra["vae_image_size"] = .number(4096)
        return request
    }

    /// What the golden cases are worth: all that is asked for must move the image visibly.
    @Test func dependsOnEverythingAskedFor() throws {
        let changes: [(String, (inout GenerationRequest) throws -> Void)] = [
            ("prompt", { $0.prompts = ["a dog"] }), ("seed", { $0.seeds = [2] }),
            ("guidance", { $0.guidanceScale = 2 }), ("steps", { $0.numInferenceSteps = 3 }),
            ("negative prompt", { $0.negativePrompts = ["a dog"] }),
            ("image", { $0.images = [try image("odd.png")] }),
            ("second image", { $0.images.append(try image("odd.png")) }),
            ("area for the text encoder", { $0.extra["condition_image_size"] = .number(4096) }),
            ("area for the autoencoder", { $0.extra["vae_image_size"] = .number(9216) }),
        ]
        let model = TinyModel(Self.tiny)
        let plain = try model.run(request()).0
        for (name, change) in changes {
            var changed = try request()
            try change(&changed)
            let moved = zip(plain.bytes, try model.run(changed).0.bytes).map { abs(Int($0) - Int($1)) }.max() ?? 0
            #expect(moved > 3, "\(name)")
        }
    }

    /// diffusers takes texts of any length; here they count in the forecast of memory.
    @Test func refusesALongTextInsteadOfCuttingIt() throws {
        var request = try request()
        request.extra["true_cfg_scale"] = .number(1)
        request.maxSequenceLength = 16
        request.prompts = ["a red fox in the snow, early morning light, a red fox in the snow"]
        let error = #expect(throws: InvalidRequest.self) { try TinyModel(Self.tiny).run(request) }
        #expect(
            error?.description == "prompt is over 16 tokens long; it must be no longer than max_sequence_length")
    }

    /// A tokenizer without the tokens around images would make words of them.
    @Test(arguments: ["<|vision_start|>", "<|image_pad|>"]) func needsTheTokensOfImages(_ token: String) throws {
        let copy = try TinyCheckpoint(copying: Self.tiny)
        for name in ["tokenizer.json", "tokenizer_config.json"] {
            let text = try String(contentsOfFile: copy.file("processor/\(name)"), encoding: .utf8)
            try copy.replace("processor/\(name)", with: text.replacing(token, with: "<|other|>"))
        }
        let model = try QwenImage(CheckpointFolder(copy.path))
        let error = #expect(throws: (any Error).self) { try model.load(PipelineOptions()) }
        #expect(error.map { "\($0)".contains(token) } == true)
    }

    @Test func needsTheSameTokenInBothComponents() throws {
        let copy = try TinyCheckpoint(copying: Self.tiny)
        try copy.editJSON("text_encoder/config.json") { $0["image_token_id"] = 529 }
        let model = try QwenImage(CheckpointFolder(copy.path))
        let error = #expect(throws: ConfigError.self) { try model.load(PipelineOptions()) }
        #expect(error?.description.contains("has 529 for image_token_id") == true)
    }
}
