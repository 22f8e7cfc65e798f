import Diffusion
import Layers
import Models
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct Flux2PipelineTests {
    /// Tensors of a golden that no trace holds: the schedule has a test of its own.
    private static let untraced: Set = ["timesteps", "sigmas"]

    @Test(arguments: Golden.flux2Cases)
    func agreesWithTheReferenceAtEveryStage(_ request: String) throws {
        let golden = try Golden("flux2/\(request)")
        let floors = try Floors("flux2")
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

    @Test(arguments: ["dev", "klein", "klein-base"])
    func isNoFurtherFromFloat32ThanTheReference(_ name: String) throws {
        try BFloat16Golden(name, in: "flux2", run: "own_noise").expectNoFurther()
    }

    /// What the golden cases are worth: all that is asked for must move the image visibly.
    @Test(arguments: ["dev", "klein-base"]) func dependsOnEverythingAskedFor(_ variant: String) throws {
        var request = GenerationRequest(prompts: ["a lake"])
        (request.height, request.width, request.numInferenceSteps, request.seeds) = (32, 32, 2, [1])
        (request.maxSequenceLength, request.images) = (64, [try image("even.png")])
        var changes: [(String, (inout GenerationRequest) throws -> Void)] = [
            ("prompt", { $0.prompts = ["a dog"] }), ("seed", { $0.seeds = [2] }),
            ("guidance", { $0.guidanceScale = 2 }), ("steps", { $0.numInferenceSteps = 3 }),
            ("length", { $0.maxSequenceLength = 72 }), ("image", { $0.images = [try image("odd.png")] }),
            ("second image", { $0.images.append(try image("odd.png")) }), ("no image", { $0.images = [] }),
            ("layers", { $0.extra["text_encoder_out_layers"] = .list([.number(10), .number(20), .number(5)]) }),
            ("sigmas", { $0.extra["sigmas"] = .list([.number(1), .number(0.3)]) }),
        ]
        if variant == "klein-base" { changes.append(("negative prompt", { $0.negativePrompts = ["a dog"] })) }
        let model = TinyModel("flux2-tiny-\(variant)")
        let plain = try model.run(request).0
        for (name, change) in changes {
            var changed = request
            try change(&changed)
            let other = try model.run(changed).0
            let moved = zip(plain.bytes, other.bytes).map { abs(Int($0) - Int($1)) }.max() ?? 0
            #expect(moved > 3, "\(name)")
        }
    }

    private func image(_ name: String) throws -> RequestImage {
        try RequestImage(golden: name, in: "\(Golden.folder)/flux2/pictures")
    }
}

@Suite struct Flux2RequestTests {
    private func model(_ name: String = "dev") throws -> Flux2 {
        try Flux2(CheckpointFolder(TinyCheckpoint.path(of: "flux2-tiny-\(name)")))
    }

    private func image(_ width: Int, _ height: Int) -> RequestImage {
        let bytes = [UInt8](repeating: 0, count: 3 * width * height)
        return RequestImage(
            name: "a.png", pixels: PixelBatch(count: 1, height: height, width: width, bytes: bytes))
    }

    private func problems(_ model: Flux2, _ change: (inout GenerationRequest) -> Void) -> String {
        var request = GenerationRequest(prompts: ["a cat"])
        change(&request)
        do {
            _ = try model.resolve(request)
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test func takesTheDefaultsOfItsVariant() throws {
        let found = try ["dev", "klein", "klein-base"].map { try model($0).defaults }
        #expect(found.map(\.numInferenceSteps) == [50, 4, 50])
        #expect(found.map(\.guidanceScale) == [3.5, 1, 4])
        #expect(found.map(\.negativePrompts) == [[], [], [""]])
        #expect(found.map(\.maxSequenceLength) == [512, 512, 512])
    }

    /// As large as the first image, and never larger than a megapixel unless it is asked for.
    @Test func isAsLargeAsTheFirstImage() throws {
        let model = try model()
        let side =
            2 * (try AutoencoderKLFlux2Config.read("\(model.checkpoint.path)/vae/config.json").0.scaleFactor)
        var request = GenerationRequest(prompts: ["a cat"])
        request.images = [image(2000, 1500), image(64, 64)]
        var resolved = try model.resolve(request)
        #expect((resolved.width, resolved.height) == (1182 / side * side, 886 / side * side))
        request.width = 5 * side
        resolved = try model.resolve(request)
        #expect((resolved.width, resolved.height) == (5 * side, 886 / side * side))
    }

    @Test func refusesImagesThatTheReferenceRefuses() throws {
        let model = try model()
        #expect(problems(model) { $0.images = [image(64, 64), image(512, 64)] } == "")
        for (width, height) in [(63, 64), (1, 1), (513, 64), (64, 520)] {
            let found = problems(model) { $0.images = [image(64, 64), image(width, height)] }
            #expect(found.contains("image is \(width)×\(height) (a.png)"), "\(found)")
        }
        #expect(problems(model) { $0.lastImage = image(64, 64) }.contains("last_image"))
    }

    @Test func refusesLayersThatTheTextEncoderDoesNotCompute() throws {
        let model = try model("klein")
        func found(_ layers: Double...) -> String {
            problems(model) { $0.extra["text_encoder_out_layers"] = .list(layers.map(ParameterValue.number)) }
        }
        #expect(found(0, 27, 9) == "")
        for refused in [found(9, 18), found(9, 18, 28), found(9, 18, 2.5), found(9, 9, 9, 9)] {
            #expect(refused.contains("text_encoder_out_layers") && refused.contains("three whole numbers from 0 to 27"))
        }
    }

    @Test func hasANegativePromptWhereItIsGuided() throws {
        #expect(problems(try model("klein-base")) { $0.negativePrompts = ["fog"] } == "")
        for name in ["dev", "klein"] {
            #expect(problems(try model(name)) { $0.negativePrompts = ["fog"] }.contains("negative_prompt"))
        }
    }

    @Test func tellsWhatHasNoEffect() throws {
        func notes(_ name: String, _ change: (inout GenerationRequest) -> Void) throws -> [String] {
            let model = try model(name)
            var request = GenerationRequest(prompts: ["a cat"])
            change(&request)
            return model.notes(on: request, resolved: try model.resolve(request)).map(\.description)
        }
        #expect(try notes("dev") { $0.guidanceScale = 2 } == [])
        #expect(try notes("klein") { $0.guidanceScale = 2 }.count == 1)
        #expect(try notes("klein-base") { ($0.guidanceScale, $0.negativePrompts) = (1, ["fog"]) }.count == 1)
    }

    /// Checked against diffusers' `compute_empirical_mu`.
    @Test(arguments: [
        (4096, 4, 2.291180), (1024, 4, 2.030690), (4096, 50, 2.023351), (8160, 28, 1.837910),
    ])
    func shiftsTheNoiseLevelsAsTheReference(_ tokens: Int, _ steps: Int, _ mu: Double) {
        #expect(abs(Flux2.empiricalMu(tokens: tokens, steps: steps) - mu) < 2e-6)
    }
}
